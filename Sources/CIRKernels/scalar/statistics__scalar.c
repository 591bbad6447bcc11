#include "../isa/scalar_begin.h"

#include "../body/statistics_body.h"

#include "../isa/scalar_end.h"
