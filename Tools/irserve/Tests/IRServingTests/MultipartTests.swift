import Foundation
import IRRequests
import IRServing
import Testing

/// A form as RFC 7578 states it.
private func form(_ parts: [(head: String, bytes: Data)], boundary: String) -> Data {
  var body = Data()
  for part in parts {
    body += Data("--\(boundary)\r\n\(part.head)\r\n\r\n".utf8) + part.bytes + Data("\r\n".utf8)
  }
  return body + Data("--\(boundary)--\r\n".utf8)
}

@Suite struct MultipartTests {
  @Test func partsAreRead() throws {
    let bytes = Data([0, 13, 10, 45, 45, 98, 255])
    let body = form(
      [
        ("Content-Disposition: form-data; name=\"a\"", Data()),
        (
          "content-disposition: form-data; filename=\"x; y.png\"; name=picture\r\nContent-Type: image/png",
          bytes
        ),
        ("X: y\r\nContent-Disposition:form-data;name=\"c \\\"d\\\"\"", Data("--b".utf8)),
      ], boundary: "b-1")
    let parts = try Multipart.parts(of: body, boundary: "b-1")
    #expect(
      parts == [
        Multipart.Part(name: "a", fileName: nil, bytes: Data()),
        Multipart.Part(name: "picture", fileName: "x; y.png", bytes: bytes),
        Multipart.Part(name: "c \"d\"", fileName: nil, bytes: Data("--b".utf8)),
      ])
  }

  @Test(arguments: [
    ("multipart/form-data; boundary=abc", "abc"), ("Multipart/Form-Data; charset=x; boundary=\"a b\"", "a b"),
    ("multipart/form-data", nil), ("image/png; boundary=abc", nil), ("", nil),
    ("multipart/form-data; boundary", nil),
  ]) func theBoundaryIsTheContentTypes(type: String, boundary: String?) {
    #expect(Multipart.boundary(of: type) == boundary)
  }

  @Test(arguments: [
    "", "--b", "--b\r\n", "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nabc",
    "--b\r\nX: y\r\n\r\n\r\n--b--",
    "--c\r\n\r\n", "--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--",
  ]) func brokenFormsAreRefused(text: String) {
    #expect(throws: ServingError.self) { try Multipart.parts(of: Data(text.utf8), boundary: "b") }
  }

  @Test func formsAreBounded() {
    let head = "Content-Disposition: form-data; name=\"a\""
    #expect(throws: ServingError.self) {
      try Multipart.parts(of: form((0..<33).map { _ in (head, Data()) }, boundary: "b"), boundary: "b")
    }
    #expect(throws: ServingError.self) {
      let long = "X: \(String(repeating: "y", count: 5000))\r\n\(head)"
      _ = try Multipart.parts(of: form([(long, Data())], boundary: "b"), boundary: "b")
    }
    #expect(throws: ServingError.self) {
      try Multipart.parts(of: Data(), boundary: String(repeating: "b", count: 71))
    }
  }
}
