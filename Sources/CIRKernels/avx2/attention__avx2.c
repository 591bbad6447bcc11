#if defined(__x86_64__)

#include "../isa/avx2_begin.h"

#include "../body/attention_body.h"

#include "../isa/avx2_end.h"

#endif
