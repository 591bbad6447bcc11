#ifndef IR_VECTOR_MATH_H
#define IR_VECTOR_MATH_H

// Elementary functions over v_f32. Error bounds: docs/kernels.md, held by CIRKernelsTests.

#define V_LOG2_E 1.44269504088896341f
// ln 2 in two parts; the first has so few bits that n * V_LN2_HIGH is exact.
#define V_LN2_HIGH 0.693359375f
#define V_LN2_LOW -2.12194440e-4f

// The polynomials of exp, log, tanh and erf below |x| = 1 are Cephes' single precision ones.
// exp(x - n ln 2) for whole n next to x / ln 2.
V_INLINE v_f32 v_exp_reduced(v_f32 x, v_f32 n) {
  v_f32 r = v_fma(n, v_set(-V_LN2_HIGH), x);
  r = v_fma(n, v_set(-V_LN2_LOW), r);
  // Pairs of terms, as a chain of all would take longer than its instructions.
  const v_f32 square = r * r;
  v_f32 p = v_fma(v_set(1.9875691500e-4f), r, v_set(1.3981999507e-3f));
  p = v_fma(p, square, v_fma(v_set(8.3334519073e-3f), r, v_set(4.1665795894e-2f)));
  p = v_fma(p, square, v_fma(v_set(1.6666665459e-1f), r, v_set(5.0000001201e-1f)));
  return v_fma(p, square, r) + 1;
}

V_INLINE v_f32 v_exp(v_f32 x) {
  // Beyond these the result is 0 or infinite; NaN passes both.
  x = v_min(v_set(89), v_max(v_set(-104), x));
  v_f32 n = v_round(x * V_LOG2_E);
  return v_scale_exponent(v_exp_reduced(x, n), n);
}

// m + exp(x) for x of at most V_MOST_NORMAL in size, where exp(x) is a normal number.
#define V_MOST_NORMAL 87.33f
V_INLINE v_f32 v_add_exp(v_f32 m, v_f32 x) {
#if defined(V_HAS_SCALE_EXPONENT)
  v_f32 n = v_round(x * V_LOG2_E);
  return m + v_scale_exponent(v_exp_reduced(x, n), n);
#else
  // The last bits of the sum are 127 + n, the exponent of 2^n.
  const v_f32 round = v_set(0x1.8p23f + 127);
  v_f32 shifted = v_fma(x, v_set(V_LOG2_E), round);
  return v_fma(v_exp_reduced(x, shifted - round), v_from_bits(v_bits(shifted) << 23), m);
#endif
}

// exp(x) for x of at most V_MOST_NORMAL, but 0 where that would be subnormal: some processors take a hundred
// cycles for each operation on subnormal numbers, and masks make many.
V_INLINE v_f32 v_exp_normal(v_f32 x) {
  const v_f32 least = v_set(-V_MOST_NORMAL);
  return v_select(x < least, v_set(0), v_add_exp(v_set(0), v_max(least, x)));
}

V_INLINE v_f32 v_expm1(v_f32 x) {
  v_f32 p = v_set(1.0f / 5040);
  p = v_fma(p, x, v_set(1.0f / 720));
  p = v_fma(p, x, v_set(1.0f / 120));
  p = v_fma(p, x, v_set(1.0f / 24));
  p = v_fma(p, x, v_set(1.0f / 6));
  p = v_fma(p, x, v_set(0.5f));
  v_f32 small = v_fma(p, x * x, x);
  return v_select(v_abs(x) < 0.35f, small, v_exp(x) - 1);
}

V_INLINE v_f32 v_log(v_f32 x) {
  v_i32 tiny = x < 0x1p-126f;
  v_f32 scaled = v_select(tiny, x * 0x1p23f, x);
  v_i32 bits = v_bits(scaled);
  v_f32 exponent = v_to_float(((bits >> 23) & 0xff) - 126) - v_select(tiny, v_set(23), v_set(0));
  v_f32 m = v_from_bits((bits & 0x007fffff) | 0x3f000000);
  v_i32 low = m < 0.707106781186547524f;
  exponent -= v_select(low, v_set(1), v_set(0));
  m = m + v_select(low, m, v_set(0)) - 1;
  v_f32 z = m * m, p = v_set(7.0376836292e-2f);
  p = v_fma(p, m, v_set(-1.1514610310e-1f));
  p = v_fma(p, m, v_set(1.1676998740e-1f));
  p = v_fma(p, m, v_set(-1.2420140846e-1f));
  p = v_fma(p, m, v_set(1.4249322787e-1f));
  p = v_fma(p, m, v_set(-1.6668057665e-1f));
  p = v_fma(p, m, v_set(2.0000714765e-1f));
  p = v_fma(p, m, v_set(-2.4999993993e-1f));
  p = v_fma(p, m, v_set(3.3333331174e-1f));
  v_f32 y = p * m * z;
  y = v_fma(exponent, v_set(V_LN2_LOW), y);
  y = v_fma(z, v_set(-0.5f), y);
  y = v_fma(exponent, v_set(V_LN2_HIGH), m + y);
  y = v_select(x == 0, v_set(-__builtin_inff()), y);
  y = v_select(x < 0, v_set(__builtin_nanf("")), y);
  return v_select(v_abs(x) < __builtin_inff(), y, v_select(x < 0, v_set(__builtin_nanf("")), x));
}

V_INLINE v_f32 v_log1p_positive(v_f32 x) {
  v_f32 u = 1 + x;
  return v_log(u) + (x - (u - 1)) / u;
}

// a / (1 + exp(-x)), and `rest` where 1 / (1 + exp(-x)) would be subnormal.
V_INLINE v_f32 v_logistic(v_f32 a, v_f32 x, v_f32 rest) {
  const v_f32 most = v_set(V_MOST_NORMAL), inside = v_max(-most, v_min(most, -x));
  return v_select(x < -most, rest, a / v_add_exp(v_set(1), inside));
}

V_INLINE v_f32 v_sigmoid(v_f32 x) { return v_logistic(v_set(1), x, v_set(0)); }

V_INLINE v_f32 v_tanh(v_f32 x) {
  v_f32 a = v_abs(x), z = x * x, p = v_set(-5.70498872745e-3f);
  p = v_fma(p, z, v_set(2.06390887954e-2f));
  p = v_fma(p, z, v_set(-5.37397155531e-2f));
  p = v_fma(p, z, v_set(1.33314422036e-1f));
  p = v_fma(p, z, v_set(-3.33332819422e-1f));
  v_f32 small = v_fma(p * z, x, x);
  v_f32 large = v_copysign(1 - 2 / (v_exp(a + a) + 1), x);
  return v_select(a < 0.625f, small, large);
}

// erfc(a) for a >= 0: Abramowitz and Stegun 7.1.26, absolute error 1.5e-7.
V_INLINE v_f32 v_erfc_positive(v_f32 a) {
  v_f32 t = 1 / v_fma(a, v_set(0.3275911f), v_set(1)), p = v_set(1.061405429f);
  p = v_fma(p, t, v_set(-1.453152027f));
  p = v_fma(p, t, v_set(1.421413741f));
  p = v_fma(p, t, v_set(-0.284496736f));
  p = v_fma(p, t, v_set(0.254829592f));
  return p * t * v_exp(-(a * a));
}

V_INLINE v_f32 v_erf(v_f32 x) {
  v_f32 z = x * x, p = v_set(7.853861353153693e-5f);
  p = v_fma(p, z, v_set(-8.010193625184903e-4f));
  p = v_fma(p, z, v_set(5.188327685732524e-3f));
  p = v_fma(p, z, v_set(-2.685381193529856e-2f));
  p = v_fma(p, z, v_set(1.128358514861418e-1f));
  p = v_fma(p, z, v_set(-3.761262582423300e-1f));
  p = v_fma(p, z, v_set(1.128379165726710f));
  v_f32 a = v_abs(x);
  return v_select(a < 1, x * p, v_copysign(1 - v_erfc_positive(a), x));
}

#if defined(V_HAS_LOOKUP)
// Phi(a) - 1/2 of the normal distribution on 32 intervals of a = |x| around multiples of 1 / 5.625: the
// coefficients of 1, r, r^2 and r^3, r in -1/2 ... 1/2, fitted for least absolute error. The last is 1/2, as
// in float from there on.
// clang-format off
static const float ir_gelu_table[4][32] __attribute__((aligned(64), unused)) = {
 {
  -1.08927845e-09f, 0.0705511793f, 0.138913155f, 0.203098401f, 0.261492133f, 0.312968433f, 0.35693866f,
  0.393331885f, 0.422519058f, 0.445200682f, 0.462279826f, 0.47474125f, 0.483551353f, 0.489586681f,
  0.493592888f, 0.496169657f, 0.497775584f, 0.498745382f, 0.499312878f, 0.499634653f, 0.499811411f,
  0.499905527f, 0.499954075f, 0.499978334f, 0.499990076f, 0.499995589f, 0.499998093f, 0.499999195f,
  0.499999672f, 0.499999881f, 0.49999994f, 0.5f},
 {
  0.0709231347f, 0.0698110685f, 0.0665787384f, 0.0615206696f, 0.0550783239f, 0.047776524f, 0.0401534177f,
  0.0326967537f, 0.0257965066f, 0.0197192896f, 0.0146048022f, 0.0104803117f, 0.00728663011f, 0.00490855053f,
  0.00320371403f, 0.00202594744f, 0.00124129909f, 0.000736883085f, 0.000423832797f, 0.000236191496f,
  0.000127528619f, 6.67151835e-05f, 3.38154641e-05f, 1.66065529e-05f, 7.90163813e-06f, 3.64274024e-06f,
  1.62709375e-06f, 7.04158197e-07f, 2.95257593e-07f, 1.19951324e-07f, 4.72152202e-08f, 0},
 {
  -5.38834911e-07f, -0.00110103597f, -0.0021002423f, -0.00291132787f, -0.00347578246f, -0.0037694464f,
  -0.00380247156f, -0.00361336768f, -0.00325908512f, -0.00280370354f, -0.00230815518f, -0.00182274601f,
  -0.00138316851f, -0.00100992643f, -0.000710262859f, -0.000481525349f, -0.000314903067f, -0.000198759066f,
  -0.000121133366f, -7.13099726e-05f, -4.05624487e-05f, -2.22999079e-05f, -1.18519038e-05f, -6.0906973e-06f,
  -3.02702665e-06f, -1.45513366e-06f, -6.76684351e-07f, -3.0445176e-07f, -1.3253991e-07f, -5.58357769e-08f,
  -2.27642687e-08f, 0},
 {
  -0.000372315641f, -0.000355495606f, -0.000305898604f, -0.00023161892f, -0.000143376383f, -5.29841091e-05f,
  2.88242009e-05f, 9.40955651e-05f, 0.000138563613f, 0.000161681848f, 0.00016593741f, 0.000155735383f,
  0.000136217641f, 0.000112237693f, 8.77030761e-05f, 6.5284672e-05f, 4.64411532e-05f, 3.16445985e-05f,
  2.0690266e-05f, 1.29986292e-05f, 7.85537668e-06f, 4.57043325e-06f, 2.56202406e-06f, 1.38454368e-06f,
  7.21686717e-07f, 3.62992296e-07f, 1.76243987e-07f, 8.26303079e-08f, 3.74192197e-08f, 1.63714642e-08f,
  6.92169566e-09f, 0}};
// clang-format on

// Phi(a) - 1/2 for a >= 0.
V_INLINE v_f32 v_half_normal(v_f32 a) {
  const v_f32 round = v_set(0x1.8p23f), inside = v_min(v_set(5.59f), a);
  v_f32 shifted = v_fma(inside, v_set(5.625f), round);
  v_f32 r = v_fma(inside, v_set(5.625f), round - shifted);
  v_i32 interval = v_bits(shifted);
  v_f32 p = v_lookup(ir_gelu_table[3], interval);
  p = v_fma(p, r, v_lookup(ir_gelu_table[2], interval));
  p = v_fma(p, r, v_lookup(ir_gelu_table[1], interval));
  return v_fma(p, r, v_lookup(ir_gelu_table[0], interval));
}

// x Phi(x) as x / 2 + |x| (Phi(|x|) - 1/2).
V_INLINE v_f32 v_gelu(v_f32 x) {
  // A negative infinity would give inf - inf.
  x = v_max(v_set(-0x1.fffffep127f), x);
  const v_f32 a = v_abs(x);
  return v_fma(a, v_half_normal(a), 0.5f * x);
}

V_INLINE v_f32 v_normal(v_f32 x) { return 0.5f + v_copysign(v_half_normal(v_abs(x)), x); }
#elif defined(V_HAS_FMA)
// erf(x / sqrt(2)) as x P(x^2) / Q(x^2), fitted for least absolute error on |x| <= 5.6, beyond which it is 1
// in float.
V_INLINE v_f32 v_erf_of_root(v_f32 x) {
  v_f32 z = v_min(v_set(5.6f), v_max(v_set(-5.6f), x)), t = z * z;
  v_f32 p = v_set(4.429065825206635e-08f), q = v_set(1.1802094377344474e-06f);
  p = v_fma(p, t, v_set(1.2712984243989922e-05f));
  q = v_fma(q, t, v_set(7.510106661356986e-05f));
  p = v_fma(p, t, v_set(0.0003476970305200666f));
  q = v_fma(q, t, v_set(0.001912966137751937f));
  p = v_fma(p, t, v_set(0.0094144931063056f));
  q = v_fma(q, t, v_set(0.028939973562955856f));
  p = v_fma(p, t, v_set(0.06875182688236237f));
  q = v_fma(q, t, v_set(0.2528333365917206f));
  p = v_fma(p, t, v_set(0.797884464263916f));
  q = v_fma(q, t, v_set(1));
  return z * p * v_reciprocal(q);
}

// x (1 + erf(x / sqrt(2))) / 2.
V_INLINE v_f32 v_gelu(v_f32 x) {
  v_f32 half = 0.5f * x;
  // A negative infinity would give inf - inf.
  return v_select(x < -1e30f, v_set(0), v_fma(half, v_erf_of_root(x), half));
}

V_INLINE v_f32 v_normal(v_f32 x) { return v_fma(v_erf_of_root(x), v_set(0.5f), v_set(0.5f)); }
#else
// Without 1 + erf, which would cancel for negative x.
V_INLINE v_f32 v_gelu(v_f32 x) {
  v_f32 tail = 0.5f * v_erfc_positive(v_abs(x) * 0.70710678118654752f);
  v_f32 product = v_select(tail == 0, v_set(0), x * tail);
  return v_select(x < 0, product, x - product);
}

V_INLINE v_f32 v_normal(v_f32 x) {
  v_f32 tail = 0.5f * v_erfc_positive(v_abs(x) * 0.70710678118654752f);
  return v_select(x < 0, tail, 1 - tail);
}
#endif

// Phi(x) + x phi(x). Beyond 13.2 the density is no normal number, and x may be infinite.
V_INLINE v_f32 v_gelu_slope(v_f32 x) {
  v_f32 inside = v_min(v_set(13.2f), v_max(v_set(-13.2f), x));
  v_f32 density = 0.39894228040143268f * v_add_exp(v_set(0), -0.5f * inside * inside);
  return v_fma(inside, density, v_normal(x));
}

// libm lane by lane: rare in the networks, and right for every argument.
#define V_EACH_LANE(result, expression) \
  ({ \
    v_f32 lanes_; \
    for (int i = 0; i < V_LANES; i++) lanes_[i] = (expression); \
    lanes_; \
  })

#endif
