#include "../isa/scalar_begin.h"

#include "../body/planar_pairs_body.h"

#include "../isa/scalar_end.h"
