extension Degradation {
  static let grammar = """
    they are clean, noise<σ> (noise25, noise0-55; floating point), noise<σ>q (clipped and truncated to 8 bits), \
    camera or camera<ISO> (camera100-3200), cameranr or cameranr<ISO> (with the camera's own noise reduction), \
    rain, haze or haze<β> (haze0-0.1), motion or motion<length> (straight, \
    motion5-15), defocus or defocus<radius> (defocus1-3), lowlight, \
    jpeg<quality> (jpeg10, jpeg10-40), jpegfull<quality> (chroma at full size), down<factor> (down4), and \
    compositions of these in order (lowlight+noise5-15); other scenes are made by tone, plain, soft and shrink \
    (tone+noise0-8, camera+shrink+jpeg70-98)
    """

  /// Sensitivities of `camera` without a number.
  private static let sensitivities = 25.0...12800
  /// Those of `cameranr`: at low ones nothing is left.
  private static let reducedSensitivities = 800.0...25600

  /// Reads `noise25`, `noise0-55`, `noise25q`, `camera`, `camera100-3200`, `cameranr`, `rain`, `haze`,
  /// `haze0-0.1`, `motion`, `motion5-15`, `defocus`, `defocus1-3`, `lowlight`, `jpeg10`, `jpegfull90`,
  /// `down4`, `clean`, `tone`, `plain`, `soft`, `shrink`, and compositions with `+`.
  /// - Throws: `DegradationError`.
  package init(_ text: String) throws(DegradationError) {
    name = text
    kinds = []
    for part in text.split(separator: "+", omittingEmptySubsequences: false) {
      kinds.append(try Self.kind(String(part)))
    }
    guard kinds.count(where: { $0 == .shrink }) <= 1 else {
      throw .range(text: text, detail: "a picture can be shrunk once at most")
    }
  }

  private static func kind(_ text: String) throws(DegradationError) -> Kind {
    switch text {
    case "clean": return .clean
    case "camera": return .camera(sensitivity: sensitivities, reducesNoise: false)
    case "cameranr": return .camera(sensitivity: reducedSensitivities, reducesNoise: true)
    case "rain": return .rain
    case "haze": return .haze(thickness: 0.6...2.2)
    case "motion": return .motionBlur(length: nil)
    case "defocus": return .defocus(radius: 1...8)
    case "lowlight": return .lowLight
    case "tone": return .tone
    case "plain": return .plain
    case "soft": return .soft
    case "shrink": return .shrink
    default: break
    }
    func numbers(after prefix: String, _ limits: ClosedRange<Double>) throws(DegradationError)
      -> ClosedRange<Double>
    {
      try range(text, text.dropFirst(prefix.count), limits)
    }
    if text.hasPrefix("noise") {
      let isTruncated = text.hasSuffix("q")
      let rest = text.dropFirst(5).dropLast(isTruncated ? 1 : 0)
      return .noise(sigma: try range(text, rest, 0...255), isTruncated: isTruncated)
    }
    if text.hasPrefix("cameranr") {
      return .camera(sensitivity: try numbers(after: "cameranr", 1...409_600), reducesNoise: true)
    }
    if text.hasPrefix("camera") {
      return .camera(sensitivity: try numbers(after: "camera", 1...409_600), reducesNoise: false)
    }
    if text.hasPrefix("motion") { return .motionBlur(length: try numbers(after: "motion", 1...61)) }
    if text.hasPrefix("defocus") { return .defocus(radius: try numbers(after: "defocus", 0.5...30)) }
    if text.hasPrefix("haze") { return .haze(thickness: try numbers(after: "haze", 0...10)) }
    if text.hasPrefix("jpegfull") {
      return .jpeg(quality: try numbers(after: "jpegfull", 1...100), hasFullChroma: true)
    }
    if text.hasPrefix("jpeg") {
      return .jpeg(quality: try numbers(after: "jpeg", 1...100), hasFullChroma: false)
    }
    if text.hasPrefix("down"), let factor = Int(text.dropFirst(4)) {
      guard (2...16).contains(factor) else {
        throw .range(text: text, detail: "the factor must lie in 2...16")
      }
      return .sampling(factor: factor)
    }
    throw .unknown(text: text)
  }

  /// One number or two with a hyphen between.
  private static func range(
    _ text: String, _ rest: Substring, _ limits: ClosedRange<Double>
  ) throws(DegradationError) -> ClosedRange<Double> {
    let ends = rest.split(separator: "-", omittingEmptySubsequences: false).map { Double($0) }
    guard let first = ends.first ?? nil, let last = ends.last ?? nil, ends.count <= 2 else {
      throw .unknown(text: text)
    }
    guard first <= last, limits.contains(first), limits.contains(last) else {
      throw .range(
        text: text, detail: "the numbers must lie in \(limits.lowerBound)...\(limits.upperBound), in order")
    }
    return first...last
  }
}
