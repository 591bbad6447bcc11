import Foundation
import HTTPTypes
import Hummingbird
import NIOCore

extension IRServer {
  private static let page = String(decoding: PackageResources.page_html, as: UTF8.self)

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
