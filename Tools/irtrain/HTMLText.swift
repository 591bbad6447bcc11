import Foundation

/// Pages of a run: one file without links.
enum HTMLText {
  /// Seconds after which a page of a run that goes on is loaded anew.
  private static let refreshInterval = 30

  static func page(title: String, body: String, isRefreshed: Bool = false) -> String {
    let refresh = isRefreshed ? "<meta http-equiv=\"refresh\" content=\"\(refreshInterval)\">" : ""
    return """
      <!doctype html>
      <html lang="en"><meta charset="utf-8">\(refresh)<title>\(escaped(title))</title>
      <style>body{font:15px sans-serif;max-width:60em;margin:2em auto;color:#222}img{max-width:100%}
      svg{width:100%;height:auto}figure{margin:1em 0}figcaption,text{font-size:12px;fill:#444}</style>
      \(body)</html>

      """
  }

  static func escaped(_ text: String) -> String {
    text.replacingOccurrences(of: "&", with: "&amp;").replacingOccurrences(of: "<", with: "&lt;")
      .replacingOccurrences(of: "\"", with: "&quot;")
  }
}
