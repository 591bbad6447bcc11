#if defined(__x86_64__)

#include "../isa/avx512_begin.h"

#include "../body/planar_pairs_body.h"

#include "../isa/avx512_end.h"

#endif
