// Elementary functions over v_f32. Error bounds: docs/kernels.md, held by CIRKernelsTests.

#define V_LOG2_E 1.44269504088896341f
// ln 2 in two parts; the first has so few bits that n * V_LN2_HIGH is exact.
#define V_LN2_HIGH 0.693359375f
#define V_LN2_LOW -2.12194440e-4f

// The polynomials of exp, log, tanh and erf below |x| = 1 are Cephes' single precision ones.
V_INLINE v_f32 v_exp(v_f32 x) {
  // Beyond these the result is 0 or infinite; NaN passes both.
  x = v_min(v_set(89), v_max(v_set(-104), x));
  v_f32 n = v_round(x * V_LOG2_E);
  v_f32 r = v_fma(n, v_set(-V_LN2_HIGH), x);
  r = v_fma(n, v_set(-V_LN2_LOW), r);
  v_f32 p = v_set(1.9875691500e-4f);
  p = v_fma(p, r, v_set(1.3981999507e-3f));
  p = v_fma(p, r, v_set(8.3334519073e-3f));
  p = v_fma(p, r, v_set(4.1665795894e-2f));
  p = v_fma(p, r, v_set(1.6666665459e-1f));
  p = v_fma(p, r, v_set(5.0000001201e-1f));
  p = v_fma(p, r * r, r) + 1;
  return v_scale_exponent(p, n);
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

V_INLINE v_f32 v_sigmoid(v_f32 x) { return 1 / (1 + v_exp(-x)); }

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

#if defined(V_HAS_FMA)
// x (1 + erf(x / sqrt(2))) / 2, the error function as x P(x^2) / Q(x^2), fitted for least absolute error
// on |x| <= 5.6, beyond which it is 1 in float.
V_INLINE v_f32 v_gelu(v_f32 x) {
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
  v_f32 half = 0.5f * x;
  // A negative infinity would give inf - inf.
  return v_select(x < -1e30f, v_set(0), v_fma(half, z * p * v_reciprocal(q), half));
}
#else
// Without 1 + erf, which would cancel for negative x.
V_INLINE v_f32 v_gelu(v_f32 x) {
  v_f32 tail = 0.5f * v_erfc_positive(v_abs(x) * 0.70710678118654752f);
  v_f32 product = v_select(tail == 0, v_set(0), x * tail);
  return v_select(x < 0, product, x - product);
}
#endif

// libm lane by lane: rare in the networks, and right for every argument.
#define V_EACH_LANE(result, expression) \
  ({ \
    v_f32 lanes_; \
    for (int i = 0; i < V_LANES; i++) lanes_[i] = (expression); \
    lanes_; \
  })
