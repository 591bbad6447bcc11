#include "../isa/scalar_begin.h"

#include "../body/convolution_body.h"

#include "../isa/scalar_end.h"
