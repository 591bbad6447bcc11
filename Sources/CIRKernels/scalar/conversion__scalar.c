#include "../isa/scalar_begin.h"

#include "../body/conversion_body.h"

#include "../isa/scalar_end.h"
