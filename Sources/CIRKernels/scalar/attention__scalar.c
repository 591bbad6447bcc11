#include "../isa/scalar_begin.h"

#include "../body/attention_body.h"

#include "../isa/scalar_end.h"
