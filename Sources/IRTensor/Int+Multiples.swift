extension Int {
  /// The least multiple of `unit` that is at least this number.
  /// - Precondition: neither is negative, and `unit` is not 0.
  package func roundedUp(toMultipleOf unit: Int) -> Int { (self + unit - 1) / unit * unit }
}

/// The largest number that divides both; 1 for two zeros.
package func greatestCommonDivisor(_ a: Int, _ b: Int) -> Int {
  b == 0 ? max(a, 1) : greatestCommonDivisor(b, a % b)
}

/// The least number that both divide.
package func leastCommonMultiple(_ a: Int, _ b: Int) -> Int { a / greatestCommonDivisor(a, b) * b }
