/// Colours by primaries, white and an exponent, as an ICC profile of version 2 with a matrix.
struct RGBSpace {
  var name: String
  /// x and y of each.
  var red: (Double, Double)
  var green: (Double, Double)
  var blue: (Double, Double)
  var white: (Double, Double)
  /// Light is the stored value to this power.
  var exponent: Double

  /// Adobe RGB (1998), which DCF's `R03` stands for.
  static let adobe = RGBSpace(
    name: "Adobe RGB compatible", red: (0.64, 0.33), green: (0.21, 0.71), blue: (0.15, 0.06),
    white: (0.3127, 0.329),
    exponent: 563.0 / 256)

  /// The colours of PNG's gAMA and cHRM; nil if these are sRGB's, missing, or out of range.
  init?(_ colours: ColourStatement) {
    guard !colours.statements.isDisjoint(with: ["gamma", "chromaticities"]), let gamma = colours.gamma,
      let values = colours.chromaticities?.values, values.count == 8, (10_000...1_000_000).contains(gamma),
      values.allSatisfy({ (1...99_999).contains($0) })
    else { return nil }
    func point(_ index: Int) -> (Double, Double) {
      (Double(values[index]) / 1e5, Double(values[index + 1]) / 1e5)
    }
    self.init(
      name: "Colours of gAMA and cHRM", red: point(2), green: point(4), blue: point(6), white: point(0),
      exponent: 1e5 / Double(gamma))
    guard colorants != nil else { return nil }
  }

  private init(
    name: String, red: (Double, Double), green: (Double, Double), blue: (Double, Double),
    white: (Double, Double),
    exponent: Double
  ) {
    (self.name, self.red, self.green, self.blue, self.white, self.exponent) = (
      name, red, green, blue, white, exponent
    )
  }

  private typealias Vector = [Double]

  private static func product(_ m: [Vector], _ v: Vector) -> Vector {
    m.map { row in row[0] * v[0] + row[1] * v[1] + row[2] * v[2] }
  }

  /// Cramer's rule; nil if the matrix has no inverse.
  private static func solution(_ m: [Vector], _ v: Vector) -> Vector? {
    func determinant(_ m: [Vector]) -> Double {
      m[0][0] * (m[1][1] * m[2][2] - m[1][2] * m[2][1]) - m[0][1] * (m[1][0] * m[2][2] - m[1][2] * m[2][0])
        + m[0][2] * (m[1][0] * m[2][1] - m[1][1] * m[2][0])
    }
    let whole = determinant(m)
    guard abs(whole) > 1e-6 else { return nil }
    return (0..<3).map { column in
      var replaced = m
      for row in 0..<3 { replaced[row][column] = v[row] }
      return determinant(replaced) / whole
    }
  }

  private static let bradford: [Vector] = [
    [0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296],
  ]
  private static let d50: Vector = [0.9642, 1, 0.8249]

  private static func xyz(_ point: (Double, Double)) -> Vector {
    [point.0 / point.1, 1, (1 - point.0 - point.1) / point.1]
  }

  /// X, Y and Z of red, green and blue under D50, adapted by Bradford's matrix.
  private var colorants: [[Double]]? {
    let primaries = [red, green, blue].map(Self.xyz)
    let matrix = (0..<3).map { row in primaries.map { $0[row] } }
    let source = Self.xyz(white)
    guard let scale = Self.solution(matrix, source) else { return nil }
    let from = Self.product(Self.bradford, source), to = Self.product(Self.bradford, Self.d50)
    guard from.allSatisfy({ abs($0) > 1e-6 }) else { return nil }
    var result: [[Double]] = []
    for (primary, factor) in zip(primaries, scale) {
      let cone = Self.product(Self.bradford, primary.map { $0 * factor })
      guard let adapted = Self.solution(Self.bradford, (0..<3).map { cone[$0] * to[$0] / from[$0] }),
        adapted.allSatisfy({ abs($0) < 4 })
      else { return nil }
      result.append(adapted)
    }
    return result
  }

  /// The profile (ICC.1:2001-04).
  var profile: [UInt8]? {
    guard let colorants else { return nil }
    func fixed(_ value: Double) -> [UInt8] { bigEndianBytes(Int((value * 65_536).rounded()), 4) }
    func xyz(_ values: [Double]) -> [UInt8] { Array("XYZ ".utf8) + [0, 0, 0, 0] + values.flatMap(fixed) }
    let text = Array(name.utf8) + [0]
    let description =
      Array("desc".utf8) + [0, 0, 0, 0] + bigEndianBytes(text.count, 4) + text
      + [UInt8](repeating: 0, count: 78)
    let curve =
      Array("curv".utf8) + [0, 0, 0, 0] + bigEndianBytes(1, 4)
      + bigEndianBytes(Int((exponent * 256).rounded()), 2)
    let rights = Array("text".utf8) + [0, 0, 0, 0] + Array("CC0".utf8) + [0]
    let tags: [(String, [UInt8])] = [
      ("desc", description), ("cprt", rights), ("wtpt", xyz(Self.d50)), ("rXYZ", xyz(colorants[0])),
      ("gXYZ", xyz(colorants[1])), ("bXYZ", xyz(colorants[2])), ("rTRC", curve), ("gTRC", curve),
      ("bTRC", curve),
    ]
    var (table, body) = (bigEndianBytes(tags.count, 4), [UInt8]())
    let start = 128 + 4 + 12 * tags.count
    for (name, content) in tags {
      table += Array(name.utf8) + bigEndianBytes(start + body.count, 4) + bigEndianBytes(content.count, 4)
      body += content + [UInt8](repeating: 0, count: (4 - content.count % 4) % 4)
    }
    var header = bigEndianBytes(start + body.count, 4) + [0, 0, 0, 0, 2, 0x10, 0, 0]
    header += Array("mntrRGB XYZ ".utf8) + [7, 0xD0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0] + Array("acsp".utf8)
    header += [UInt8](repeating: 0, count: 68 - header.count) + Self.d50.flatMap(fixed)
    return header + [UInt8](repeating: 0, count: 128 - header.count) + table + body
  }
}
