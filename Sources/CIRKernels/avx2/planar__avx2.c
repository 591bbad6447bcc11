#if defined(__x86_64__)

#include "../isa/avx2_begin.h"

#include "../body/planar_depthwise_body.h"
#include "../body/planar_product_body.h"

#include "../isa/avx2_end.h"

#endif
