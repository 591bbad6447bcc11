#if defined(__x86_64__)

#include "../isa/avx2_begin.h"

#include "../body/planar_pairs_body.h"

#include "../isa/avx2_end.h"

#endif
