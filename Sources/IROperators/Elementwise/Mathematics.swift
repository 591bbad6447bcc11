#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

// The C library's functions under names that cannot be taken for cases and methods.
func mathExp(_ x: Double) -> Double { exp(x) }
func mathLog(_ x: Double) -> Double { log(x) }
func mathLog1p(_ x: Double) -> Double { log1p(x) }
func mathExpm1(_ x: Double) -> Double { expm1(x) }
func mathTanh(_ x: Double) -> Double { tanh(x) }
func mathErf(_ x: Double) -> Double { erf(x) }
func mathSin(_ x: Double) -> Double { sin(x) }
func mathCos(_ x: Double) -> Double { cos(x) }
func mathTan(_ x: Double) -> Double { tan(x) }
func mathAsin(_ x: Double) -> Double { asin(x) }
func mathAcos(_ x: Double) -> Double { acos(x) }
func mathAtan(_ x: Double) -> Double { atan(x) }
func mathSinh(_ x: Double) -> Double { sinh(x) }
func mathCosh(_ x: Double) -> Double { cosh(x) }
func mathAsinh(_ x: Double) -> Double { asinh(x) }
func mathAcosh(_ x: Double) -> Double { acosh(x) }
func mathAtanh(_ x: Double) -> Double { atanh(x) }
func mathPow(_ x: Double, _ y: Double) -> Double { pow(x, y) }
func mathFmod(_ x: Double, _ y: Double) -> Double { fmod(x, y) }
