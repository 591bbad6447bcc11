import Foundation
import HTTPTypes
import Hummingbird
import NIOCore

extension IRServer {
  /// Markup, style and scripts as one file.
  private static let page: String = {
    func text(_ bytes: [[UInt8]]) -> String { bytes.map { String(decoding: $0, as: UTF8.self) }.joined() }
    let scripts = [
      PackageResources.server_js, PackageResources.shelf_js, PackageResources.queue_js,
      PackageResources.list_js, PackageResources.saving_js, PackageResources.compare_js,
      PackageResources.preview_js, PackageResources.files_js,
    ]
    return text([PackageResources.page_html])
      .replacing("/*STYLE*/", with: text([PackageResources.page_css]))
      .replacing("/*SCRIPT*/", with: text(scripts))
  }()

  /// The page for people: one file that asks this server alone.
  func addPage(to router: Router<ServingContext>) {
    router.get("/") { _, _ in
      let nonce = Data((0..<18).map { _ in UInt8.random(in: .min ... .max) }).base64EncodedString()
      let policy = [
        "default-src 'none'", "script-src 'nonce-\(nonce)'", "style-src 'nonce-\(nonce)'",
        "img-src blob: data:",
        "connect-src 'self'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'",
      ]
      return Response(
        status: .ok,
        headers: [
          .contentType: "text/html; charset=utf-8", .contentSecurityPolicy: policy.joined(separator: "; "),
        ],
        body: ResponseBody(
          byteBuffer: ByteBuffer(string: Self.page.replacing("\"NONCE\"", with: "\"\(nonce)\""))))
    }
  }
}
