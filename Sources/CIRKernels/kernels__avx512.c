#if defined(__x86_64__)

#include "isa/avx512_begin.h"

#include "body/attention_body.h"
#include "body/attention_pairs_body.h"
#include "body/conversion_body.h"
#include "body/convolution_body.h"
#include "body/elementwise_body.h"
#include "body/gemm_body.h"
#include "body/gemm_pairs_body.h"
#include "body/gradients_body.h"
#include "body/normalization_body.h"
#include "body/outer_products_body.h"
#include "body/pairs_body.h"
#include "body/planar_depthwise_body.h"
#include "body/planar_pairs_body.h"
#include "body/planar_product_body.h"
#include "body/resampling_body.h"
#include "body/statistics_body.h"
#include "body/winograd_body.h"
#include "body/winograd_pairs_body.h"

#include "isa/avx512_end.h"

#endif
