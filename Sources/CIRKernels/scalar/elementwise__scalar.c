#include "../isa/scalar_begin.h"

#include "../body/elementwise_body.h"

#include "../isa/scalar_end.h"
