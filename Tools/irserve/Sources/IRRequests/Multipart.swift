import Foundation

/// A form of several parts, RFC 7578, within limits.
package struct Multipart {
  package struct Part: Equatable {
    package var name: String
    package var fileName: String?
    package var bytes: Data

    package init(name: String, fileName: String?, bytes: Data) {
      (self.name, self.fileName, self.bytes) = (name, fileName, bytes)
    }
  }

  package static let partLimit = 32
  package static let headerByteLimit = 4096
  package static let fieldByteLimit = 4096

  /// The boundary that a content type states; nil where it is no form.
  package static func boundary(of contentType: String) -> String? {
    let parts = contentType.split(separator: ";", omittingEmptySubsequences: false)
    guard parts.first.map({ $0.trimmingCharacters(in: .whitespaces).lowercased() }) == "multipart/form-data"
    else { return nil }
    return parameter("boundary", in: contentType)
  }

  /// - Throws: `ServingError` where the bytes are no form, or one beyond the limits.
  package static func parts(of body: Data, boundary: String) throws -> [Part] {
    guard (1...70).contains(boundary.utf8.count) else {
      throw ServingError.badRequest("the form's boundary must have 1 to 70 characters")
    }
    let body = Data(body)
    let delimiter = Data("--\(boundary)".utf8)
    guard var place = body.range(of: delimiter)?.upperBound else { throw cut }
    var parts: [Part] = []
    let next = Data("\r\n--\(boundary)".utf8)
    while true {
      if body[place...].starts(with: "--".utf8) { return parts }
      guard body[place...].starts(with: "\r\n".utf8) else { throw cut }
      guard parts.count < partLimit else {
        throw ServingError.badRequest("the form has more than \(partLimit) parts")
      }
      let headers = place..<min(body.count, place + headerByteLimit)
      guard let blank = body.range(of: Data("\r\n\r\n".utf8), in: headers) else {
        throw ServingError.badRequest(
          "the headers of a part of the form do not end within \(headerByteLimit) bytes")
      }
      guard
        let end = emptyPart(body, next, blank.lowerBound + 2)
          ?? body.range(of: next, in: blank.upperBound..<body.count)
      else { throw cut }
      let text = String(decoding: body[place..<blank.lowerBound], as: UTF8.self)
      parts.append(try part(text, Data(body[min(blank.upperBound, end.lowerBound)..<end.lowerBound])))
      place = end.upperBound
    }
  }

  /// The delimiter of a part without a byte: its line break is that of the blank line.
  private static func emptyPart(_ body: Data, _ next: Data, _ place: Int) -> Range<Int>? {
    body[place...].starts(with: next) ? place..<(place + next.count) : nil
  }

  private static var cut: ServingError { .badRequest("the form is cut or no form of its boundary") }

  private static func part(_ headers: String, _ bytes: Data) throws -> Part {
    for line in headers.components(separatedBy: "\r\n") {
      guard line.lowercased().hasPrefix("content-disposition:") else { continue }
      guard let name = parameter("name", in: line) else { break }
      return Part(name: name, fileName: parameter("filename", in: line), bytes: bytes)
    }
    throw ServingError.badRequest("a part of the form has no name")
  }

  /// The value of a header's parameter, quoted or not.
  private static func parameter(_ name: String, in header: String) -> String? {
    var rest = header[...]
    while let semicolon = rest.firstIndex(of: ";") {
      rest = rest[rest.index(after: semicolon)...]
      let trimmed = rest.drop { $0 == " " || $0 == "\t" }
      guard let equals = trimmed.firstIndex(of: "=") else { return nil }
      let found = trimmed[..<equals].lowercased()
      let value = trimmed[trimmed.index(after: equals)...]
      if value.first == "\"" {
        var text = ""
        var index = value.index(after: value.startIndex)
        while index < value.endIndex, value[index] != "\"" {
          if value[index] == "\\", value.index(after: index) < value.endIndex {
            index = value.index(after: index)
          }
          text.append(value[index])
          index = value.index(after: index)
        }
        guard index < value.endIndex else { return nil }
        if found == name { return text }
        rest = value[index...]
      } else {
        let text = value.prefix { $0 != ";" }
        if found == name { return text.trimmingCharacters(in: .whitespaces) }
        rest = value
      }
    }
    return nil
  }
}
