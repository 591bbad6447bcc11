import Foundation
import IRImage

/// A page about a run: the loss, the learning rate and the PSNR of each task over the steps, and restored
/// samples; one file without links.
struct RunReport {
  var title: String
  var entries: [RunLog.Entry]
  var samples: [(name: String, image: Image)]
  /// Whether a browser loads the page anew now and then, because the run goes on.
  var isRefreshed = false

  var html: String {
    let charts = RunChart.charts(of: [("", entries)]).map(\.svg).joined()
    var body = "<h1>\(HTMLText.escaped(title))</h1>\n" + charts
    body += "<h2>Degraded, restored, clean</h2>\n"
    for (name, image) in samples {
      guard let png = Self.png(image) else { continue }
      body +=
        "<figure><img alt=\"\(HTMLText.escaped(name))\" src=\"data:image/png;base64,\(png)\"><figcaption>\(HTMLText.escaped(name))</figcaption></figure>\n"
    }
    return HTMLText.page(title: title, body: body, isRefreshed: isRefreshed)
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
}
