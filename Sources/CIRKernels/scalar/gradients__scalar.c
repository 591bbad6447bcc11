#include "../isa/scalar_begin.h"

#include "../body/gradients_body.h"

#include "../isa/scalar_end.h"
