#if defined(__x86_64__)

// For processors with AVX512-BF16 (Cooper Lake, Sapphire Rapids, Zen 4 and later).
#define V_HAS_BFLOAT16
#include "isa/avx512_begin.h"

#include "body/attention_pairs_body.h"
#include "body/gemm_pairs_body.h"
#include "body/pairs_body.h"
#include "body/planar_pairs_body.h"
#include "body/winograd_pairs_body.h"

#include "isa/avx512_end.h"

#endif
