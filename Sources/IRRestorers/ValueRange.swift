/// The numbers that a network has for black and white: one of each for all channels, or one of each for every
/// channel.
public struct ValueRange: Hashable, Sendable {
  public let black: [Double]
  public let white: [Double]

  public init(_ black: Double, _ white: Double) {
    self.init(black: [black], white: [white])
  }

  private init(black: [Double], white: [Double]) {
    self.black = black
    self.white = white
  }

  public static let unit = ValueRange(0, 1)
  public static let bytes = ValueRange(0, 255)
  public static let symmetric = ValueRange(-1, 1)

  /// Reads `255`, `-1..1` or `MEAN/STD`, where both are one number or three with commas: the network then
  /// takes (x - MEAN) / STD of x in 0...1.
  /// - Returns: nil if the text has another form, or white is not above black.
  public init?(_ text: String) {
    let result: ValueRange
    if let white = Double(text) {
      result = ValueRange(0, white)
    } else if let dots = text.firstRange(of: "..") {
      guard let black = Double(text[..<dots.lowerBound]),
        let white = Double(text[dots.upperBound...].drop { $0 == "." })
      else { return nil }
      result = ValueRange(black, white)
    } else {
      let parts = text.split(separator: "/", omittingEmptySubsequences: false).map { part in
        part.split(separator: ",", omittingEmptySubsequences: false).map { Double($0) }
      }
      guard parts.count == 2 else { return nil }
      let (mean, deviation) = (parts[0].compactMap { $0 }, parts[1].compactMap { $0 })
      guard mean.count == parts[0].count, deviation.count == parts[1].count, mean.count == deviation.count,
        mean.count == 1 || mean.count == 3
      else { return nil }
      result = ValueRange(
        black: zip(mean, deviation).map { -$0 / $1 }, white: zip(mean, deviation).map { (1 - $0) / $1 })
    }
    guard zip(result.black, result.white).allSatisfy({ $0.isFinite && $1.isFinite && $0 < $1 }) else {
      return nil
    }
    self = result
  }

  /// White - black, by channel.
  var spans: [Double] { zip(black, white).map { $1 - $0 } }

  func fits(channelCount: Int) -> Bool { black.count == 1 || black.count == channelCount }
}

extension ValueRange: CustomStringConvertible {
  public var description: String {
    func text(_ number: Double) -> String {
      number.rounded() == number && number.magnitude < 1e6 ? "\(Int(number))" : "\(Float(number))"
    }
    return zip(black, white).map { "\(text($0))...\(text($1))" }.joined(separator: ", ")
  }

  /// As `init` reads it, where it is one number for all channels.
  package var optionText: String { "\(black[0])..\(white[0])".replacing(".0", with: "") }
}
