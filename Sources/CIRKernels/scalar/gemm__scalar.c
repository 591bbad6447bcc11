#include "../isa/scalar_begin.h"

#include "../body/gemm_body.h"

#include "../isa/scalar_end.h"
