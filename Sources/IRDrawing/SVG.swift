/// A drawing in the making: shapes and text of SVG, by absolute places in pixels.
struct SVG {
  private var body: [String] = []
  private(set) var width = 0.0
  private(set) var height = 0.0

  static let font = "font-family=\"Inter, Helvetica, Arial, sans-serif\""

  private mutating func reach(_ x: Double, _ y: Double) { (width, height) = (max(width, x), max(height, y)) }

  static func escaped(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "\"": result += "&quot;"
      // Characters that XML does not allow at all, in names of strangers.
      case _ where scalar.value < 0x20 || scalar.properties.generalCategory == .control: result += "\u{FFFD}"
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }

  static func number(_ value: Double) -> String {
    let rounded = (value * 10).rounded() / 10
    return rounded == rounded.rounded() ? "\(Int(rounded))" : "\(rounded)"
  }

  mutating func rectangle(
    _ x: Double, _ y: Double, _ width: Double, _ height: Double, fill: String, stroke: String = "none",
    radius: Double = 0, title: String = "", opacity: Double = 1
  ) {
    reach(x + width, y + height)
    let n = Self.number
    let tip = title.isEmpty ? "/>" : "><title>\(Self.escaped(title))</title></rect>"
    body.append(
      "<rect x=\"\(n(x))\" y=\"\(n(y))\" width=\"\(n(width))\" height=\"\(n(height))\" rx=\"\(n(radius))\" "
        + "fill=\"\(fill)\" stroke=\"\(stroke)\" fill-opacity=\"\(opacity)\"\(tip)")
  }

  enum Anchor: String { case start, middle, end }

  mutating func text(
    _ text: String, _ x: Double, _ y: Double, size: Double = 12, anchor: Anchor = .middle,
    colour: String = "#1d2733",
    isBold: Bool = false, halo: Bool = false
  ) {
    let extent = size * 0.56 * Double(text.count)
    reach(x + (anchor == .start ? extent : anchor == .middle ? extent / 2 : 0), y + size / 3)
    let weight = isBold ? " font-weight=\"600\"" : ""
    // White around letters keeps them legible where lines cross.
    let outline =
      halo ? " stroke=\"#ffffff\" stroke-width=\"4\" paint-order=\"stroke\" stroke-linejoin=\"round\"" : ""
    body.append(
      "<text x=\"\(Self.number(x))\" y=\"\(Self.number(y))\" font-size=\"\(Self.number(size))\" "
        + "text-anchor=\"\(anchor.rawValue)\" fill=\"\(colour)\"\(weight)\(outline)>\(Self.escaped(text))</text>"
    )
  }

  mutating func path(
    _ commands: String, colour: String, width: Double = 1.5, isDashed: Bool = false, hasArrow: Bool = false
  ) {
    body.append(
      "<path d=\"\(commands)\" fill=\"none\" stroke=\"\(colour)\" stroke-width=\"\(Self.number(width))\""
        + (isDashed ? " stroke-dasharray=\"5 4\"" : "") + (hasArrow ? " marker-end=\"url(#arrow)\"" : "")
        + "/>")
  }

  /// The document, with a margin.
  func document(margin: Double = 24) -> String {
    let n = Self.number
    let (w, h) = (width + 2 * margin, height + 2 * margin)
    return """
      <svg xmlns="http://www.w3.org/2000/svg" width="\(n(w))" height="\(n(h))" viewBox="0 0 \(n(w)) \(n(h))" \(Self.font)>
      <defs><marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path \
      d="M0,0 L8,4 L0,8 z" fill="#52606d"/></marker></defs>
      <rect width="100%" height="100%" fill="#ffffff"/>
      <g transform="translate(\(n(margin)) \(n(margin)))">
      \(body.joined(separator: "\n"))
      </g>
      </svg>

      """
  }
}
