#include "../isa/scalar_begin.h"

#include "../body/planar_depthwise_body.h"
#include "../body/planar_product_body.h"

#include "../isa/scalar_end.h"
