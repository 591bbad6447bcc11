import Foundation

/// Curves over the steps of one run or of several.
struct RunChart {
  struct Curve {
    var name: String
    var points: [(step: Double, value: Double)]
    var colour: String
    /// A pale line, behind the others and without a name.
    var isFaint = false
  }

  var title: String
  var curves: [Curve]
  var isLogarithmic = false

  private static let colours = [
    "#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#ff7f0e", "#17becf", "#8c564b", "#7f7f7f",
  ]

  /// The loss, the learning rate, the PSNR of each task and the accuracy of routers. Of several runs the PSNR
  /// has a chart for each task.
  static func charts(of runs: [(name: String, entries: [RunLog.Entry])]) -> [RunChart] {
    func curves(_ value: (RunLog.Entry) -> Double?) -> [Curve] {
      runs.enumerated().map { index, run in
        Curve(
          name: run.name,
          points: run.entries.compactMap { entry in value(entry).map { (Double(entry.step), $0) } },
          colour: colours[index % colours.count])
      }
    }
    let losses = curves(\.loss)
    let raw = losses.map { Curve(name: "", points: $0.points, colour: $0.colour, isFaint: true) }
    var charts = [
      RunChart(title: "loss", curves: raw + losses.map(smoothed), isLogarithmic: true),
      RunChart(title: "learning rate", curves: curves(\.rate)),
    ]
    let tasks = Set(runs.flatMap { $0.entries.flatMap { $0.validation.map { Array($0.keys) } ?? [] } })
      .sorted()
    if runs.count == 1 {
      let all = tasks.enumerated().map { index, task in
        var curve = curves { $0.validation?[task] }[0]
        (curve.name, curve.colour) = (task, colours[index % colours.count])
        return curve
      }
      charts.append(RunChart(title: "validation PSNR in dB", curves: all))
    } else {
      charts += tasks.map { task in
        RunChart(title: "validation PSNR in dB: \(task)", curves: curves { $0.validation?[task] })
      }
    }
    charts.append(RunChart(title: "router accuracy", curves: curves(\.routerAccuracy)))
    return charts
  }

  /// The mean over a tenth of the points around each.
  private static func smoothed(_ curve: Curve) -> Curve {
    var result = curve
    let reach = curve.points.count / 20
    result.points = curve.points.indices.map { index in
      let near = curve.points[max(0, index - reach)...min(curve.points.count - 1, index + reach)]
      return (curve.points[index].step, near.reduce(0) { $0 + $1.value } / Double(near.count))
    }
    return result
  }

  /// Round numbers between two, about `count` of them.
  static func ticks(from low: Double, to high: Double, count: Int = 5) -> [Double] {
    guard high > low else { return [low] }
    let rough = (high - low) / Double(count)
    let power = pow(10, floor(log10(rough)))
    let step = power * ([1, 2, 5].first { $0 * power >= rough } ?? 10)
    return Array(stride(from: (low / step).rounded(.up), through: (high / step + 1e-9).rounded(.down), by: 1))
      .map {
        $0 * step
      }
  }

  /// 1, 2 and 5 times powers of ten between two positive numbers.
  static func logarithmicTicks(from low: Double, to high: Double) -> [Double] {
    let powers = Int(floor(log10(low)))...Int(floor(log10(high)))
    let all = powers.flatMap { power -> [Double] in
      let ten = pow(10, Double(power))
      return [ten, 2 * ten, 5 * ten]
    }
    let found = all.filter { $0 >= low * (1 - 1e-9) && $0 <= high * (1 + 1e-9) }
    // Within one step of 1, 2, 5 even ticks say more.
    return found.count >= 2 ? found : ticks(from: low, to: high)
  }

  /// The chart with its title; nothing where there are no points.
  var svg: String {
    func height(_ value: Double) -> Double { isLogarithmic ? log10(max(value, 1e-12)) : value }
    let all = curves.flatMap(\.points)
    guard let end = all.map(\.step).max(), let least = all.map(\.value).min(),
      let most = all.map(\.value).max(), end > 0
    else { return "" }
    let (low, high) = (height(least), height(most))
    let span = max(high - low, 1e-9)
    let values =
      isLogarithmic && most > least && least > 0
      ? Self.logarithmicTicks(from: least, to: most) : Self.ticks(from: least, to: most)
    let labels = values.map { String(format: "%.6g", $0) }
    // Seven units a digit at this size of text.
    let left = 16 + 7 * Double(labels.map(\.count).max() ?? 0)
    let named = curves.filter { !$0.isFaint && !$0.name.isEmpty }
    let column = 24 + 7 * Double(named.map(\.name.count).max() ?? 0)
    let (width, top, bottom) = (900.0, 10.0, 236.0)
    let columns = max(1, Int((width - left) / column))
    let legend = named.count > 1 || (named.first?.name.isEmpty == false && curves.count > 1) ? named : []
    let rows = (legend.count + columns - 1) / columns
    func x(_ step: Double) -> Double { left + (width - left - 10) * step / end }
    func y(_ value: Double) -> Double { top + (bottom - top) * (high - height(value)) / span }
    var parts = [
      "<h2>\(HTMLText.escaped(title))</h2><svg viewBox=\"0 0 \(Int(width)) \(Int(bottom) + 24 + 16 * rows)\">"
    ]
    for (value, label) in zip(values, labels) {
      parts.append(line(left, y(value), width - 10, y(value)))
      parts.append(text(left - 6, y(value) + 4, "end", label))
    }
    for step in Self.ticks(from: 0, to: end, count: 8) {
      parts.append(line(x(step), bottom, x(step), bottom + 4))
      parts.append(
        text(x(step), bottom + 17, step > 0.97 * end ? "end" : "middle", String(format: "%.6g", step)))
    }
    for curve in curves where !curve.points.isEmpty {
      let points = curve.points.map { String(format: "%.1f,%.1f", x($0.step), y($0.value)) }
      parts.append(
        "<polyline fill=\"none\" stroke=\"\(curve.colour)\" stroke-width=\"\(curve.isFaint ? 1 : 1.6)\" "
          + "stroke-opacity=\"\(curve.isFaint ? 0.3 : 1)\" points=\"\(points.joined(separator: " "))\"/>")
    }
    for (index, curve) in legend.enumerated() {
      let (x, y) = (left + column * Double(index % columns), bottom + 36 + 16 * Double(index / columns))
      parts.append(
        "<g style=\"fill:\(curve.colour)\">\(text(x, y, "start", curve.name, fill: curve.colour))</g>")
    }
    return parts.joined(separator: "\n") + "</svg>\n"
  }

  private func line(_ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double) -> String {
    String(format: "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"#ddd\"/>", x1, y1, x2, y2)
  }

  private func text(_ x: Double, _ y: Double, _ anchor: String, _ text: String, fill: String? = nil) -> String
  {
    let style = fill.map { " style=\"fill:\($0)\"" } ?? ""
    return String(format: "<text x=\"%.1f\" y=\"%.1f\"", x, y)
      + " text-anchor=\"\(anchor)\"\(style)>\(HTMLText.escaped(text))</text>"
  }
}
