import Foundation
import IRImage

/// A page about a run: the loss, the learning rate and the PSNR of each task over the steps, and restored samples;
/// one file without links.
struct RunReport {
  var title: String
  var entries: [RunLog.Entry]
  var samples: [(name: String, image: Image)]

  private static let colours = [
    "#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#ff7f0e", "#17becf", "#8c564b", "#7f7f7f",
  ]

  var html: String {
    let losses = entries.compactMap { entry in entry.loss.map { (Double(entry.step), $0) } }
    let rates = entries.compactMap { entry in entry.rate.map { (Double(entry.step), $0) } }
    let tasks = Set(entries.flatMap { $0.validation.map { Array($0.keys) } ?? [] }).sorted()
    let curves = tasks.map { task in
      (task, entries.compactMap { entry in entry.validation?[task].map { (Double(entry.step), $0) } })
    }
    let accuracies = entries.compactMap { entry in entry.routerAccuracy.map { (Double(entry.step), $0) } }
    var body = "<h1>\(Self.escaped(title))</h1>\n"
    body += Self.chart("loss", [("loss", losses)], isLogarithmic: true)
    body += Self.chart("learning rate", [("rate", rates)], isLogarithmic: false)
    body += Self.chart("validation PSNR in dB", curves, isLogarithmic: false)
    if !accuracies.isEmpty {
      body += Self.chart("router accuracy", [("accuracy", accuracies)], isLogarithmic: false)
    }
    body += "<h2>Degraded, restored, clean</h2>\n"
    for (name, image) in samples {
      guard let png = Self.png(image) else { continue }
      body +=
        "<figure><img alt=\"\(name)\" src=\"data:image/png;base64,\(png)\"><figcaption>\(name)</figcaption></figure>\n"
    }
    return """
      <!doctype html>
      <html lang="en"><meta charset="utf-8"><title>\(Self.escaped(title))</title>
      <style>body{font:15px sans-serif;max-width:60em;margin:2em auto;color:#222}img{max-width:100%}
      svg{width:100%;height:auto}figure{margin:1em 0}figcaption,text{font-size:12px;fill:#444}</style>
      \(body)</html>

      """
  }

  private static func escaped(_ text: String) -> String {
    text.replacingOccurrences(of: "&", with: "&amp;").replacingOccurrences(of: "<", with: "&lt;")
  }

  private static func png(_ image: Image) -> String? {
    let folder = FileManager.default.temporaryDirectory
    let path = folder.appendingPathComponent("irtrain-\(UUID().uuidString).png").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    guard (try? ImageFile.write(image, to: path, options: .init(sampleFormat: .uint8))) != nil else {
      return nil
    }
    return FileManager.default.contents(atPath: path)?.base64EncodedString()
  }

  /// Lines over the steps with an axis at both sides.
  private static func chart(
    _ title: String, _ curves: [(name: String, points: [(Double, Double)])], isLogarithmic: Bool
  ) -> String {
    func height(_ value: Double) -> Double { isLogarithmic ? log10(max(value, 1e-12)) : value }
    let all = curves.flatMap(\.points)
    guard let end = all.map(\.0).max(), let low = all.map({ height($0.1) }).min(),
      let high = all.map({ height($0.1) }).max(), end > 0
    else { return "" }
    let (width, tall, left, bottom) = (900.0, 260.0, 60.0, 24.0)
    let span = max(high - low, 1e-9)
    func place(_ point: (Double, Double)) -> String {
      let x = left + (width - left - 10) * point.0 / end
      let y = 10 + (tall - bottom - 10) * (high - height(point.1)) / span
      return String(format: "%.1f,%.1f", x, y)
    }
    var parts = ["<h2>\(title)</h2><svg viewBox=\"0 0 \(Int(width)) \(Int(tall))\">"]
    for k in 0...4 {
      let value = low + span * Double(k) / 4
      let y = 10 + (tall - bottom - 10) * (high - value) / span
      let label = isLogarithmic ? String(format: "%.3g", pow(10, value)) : String(format: "%.4g", value)
      parts.append(
        String(
          format: "<line x1=\"%.0f\" x2=\"%.0f\" y1=\"%.1f\" y2=\"%.1f\" stroke=\"#ddd\"/>", left, width - 10,
          y, y))
      parts.append(
        String(format: "<text x=\"%.0f\" y=\"%.1f\" text-anchor=\"end\">%@</text>", left - 6, y + 4, label))
    }
    parts.append(
      String(
        format: "<text x=\"%.0f\" y=\"%.0f\" text-anchor=\"end\">step %.0f</text>", width - 10, tall - 6, end)
    )
    for (index, curve) in curves.enumerated() {
      let colour = colours[index % colours.count]
      parts.append(
        "<polyline fill=\"none\" stroke=\"\(colour)\" stroke-width=\"1.5\" points=\"\(curve.points.map(place).joined(separator: " "))\"/>"
      )
      if curves.count > 1 {
        let (x, y) = (left + 10 + 110 * Double(index % 7), tall - 6 - 14 * Double(index / 7))
        parts.append(
          String(
            format: "<text x=\"%.0f\" y=\"%.0f\" style=\"fill:%@\">%@</text>", x, y, colour,
            escaped(curve.name)))
      }
    }
    return parts.joined(separator: "\n") + "</svg>\n"
  }
}
