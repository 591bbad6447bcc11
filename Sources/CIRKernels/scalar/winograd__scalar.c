#include "../isa/scalar_begin.h"

#include "../body/winograd_body.h"

#include "../isa/scalar_end.h"
