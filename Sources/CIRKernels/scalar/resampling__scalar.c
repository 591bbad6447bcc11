#include "../isa/scalar_begin.h"

#include "../body/resampling_body.h"

#include "../isa/scalar_end.h"
