#include "../isa/scalar_begin.h"

#include "../body/normalization_body.h"

#include "../isa/scalar_end.h"
