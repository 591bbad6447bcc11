#include "../isa/scalar_begin.h"

#include "../body/planar_body.h"

#include "../isa/scalar_end.h"
