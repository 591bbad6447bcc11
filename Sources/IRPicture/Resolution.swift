/// How many pixels a length on paper holds.
public struct Resolution: Hashable, Sendable {
  public enum Unit: Int, Sendable {
    /// Only the ratio of the two numbers is stated: the shape of a pixel.
    case none = 1
    case inch = 2
    case centimetre = 3
  }

  public var horizontal: Double
  public var vertical: Double
  public var unit: Unit

  /// Nil for numbers that state nothing: not positive, not finite, or square pixels without a unit.
  package init?(_ horizontal: Double, _ vertical: Double, _ unit: Unit) {
    guard horizontal.isFinite, vertical.isFinite, horizontal > 0, vertical > 0, horizontal < 1e7,
      vertical < 1e7,
      unit != .none || horizontal != vertical
    else { return nil }
    self.horizontal = horizontal
    self.vertical = vertical
    self.unit = unit
  }

  /// From pixels a metre, which PNG stores: those of a whole number of dots an inch are taken for it.
  package init?(perMetre horizontal: Int, _ vertical: Int) {
    func perInch(_ value: Int) -> Double {
      let exact = Double(value) * 0.0254
      return abs(exact - exact.rounded()) < 0.0128 ? exact.rounded() : exact
    }
    self.init(perInch(horizontal), perInch(vertical), .inch)
  }

  /// Pixels a metre, rounded.
  package var perMetre: (horizontal: Int, vertical: Int) {
    let factor = unit == .centimetre ? 100 : 1 / 0.0254
    return (Int((horizontal * factor).rounded()), Int((vertical * factor).rounded()))
  }

  /// Both as whole numbers that fit 16 bits; aspect ratios are scaled up to keep their digits.
  package var wholeNumbers: (horizontal: Int, vertical: Int) {
    var factor = 1.0
    if unit == .none, horizontal != horizontal.rounded() || vertical != vertical.rounded() {
      factor = 10_000 / max(horizontal, vertical)
    }
    func whole(_ value: Double) -> Int { Int(min(max((value * factor).rounded(), 1), 65_535)) }
    return (whole(horizontal), whole(vertical))
  }

  /// A rational number of EXIF and TIFF.
  package static func rational(_ value: Double) -> (numerator: Int, denominator: Int) {
    if value == value.rounded() { return (Int(value), 1) }
    // The numerator has 32 bits.
    let denominator = value < 400_000 ? 10_000 : 100
    return (Int((value * Double(denominator)).rounded()), denominator)
  }

  /// Whether both say the same but for rounding.
  package func agrees(with other: Resolution) -> Bool {
    guard (unit == .none) == (other.unit == .none) else { return false }
    if unit == .none {
      return abs(horizontal / vertical - other.horizontal / other.vertical) < 0.01 * horizontal / vertical
    }
    let (a, b) = (perMetre, other.perMetre)
    func near(_ a: Int, _ b: Int) -> Bool { abs(a - b) <= max(60, max(a, b) / 100) }
    return near(a.horizontal, b.horizontal) && near(a.vertical, b.vertical)
  }
}
