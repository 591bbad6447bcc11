import Foundation
import ImageRestoration

/// The wish of a request to restore a picture.
package struct RestoreRequest: Sendable {
  package var model = "restore"
  package var strength = 1.0
  /// The extension of the result's format; nil is the picture's own.
  package var format: String?
  package var quality = 95
  package var depth: Image.SampleFormat?
  package var metadata = Metadata.keep
  package var colours = ImageFile.ColourChoice.keep
  /// The page that listens to progress, and its name for this picture.
  package var listener: Listener?

  package enum Metadata: String, CaseIterable, Sendable {
    case keep, strip
    case stripGPS = "strip-gps"

    package func apply(to metadata: ImageMetadata) -> ImageMetadata {
      switch self {
      case .keep: metadata
      case .strip: metadata.stripped()
      case .stripGPS: metadata.withoutPosition()
      }
    }
  }

  package struct Listener: Hashable, Sendable {
    package var page: String
    package var job: String
  }

  /// The parameters that a query or a form may have.
  package static let names = [
    "model", "strength", "format", "quality", "depth", "metadata", "icc", "page", "job",
  ]

  package init() {}

  /// - Throws: `ServingError` for a parameter that is not one of `names`, twice there, or beyond its range.
  package init(_ parameters: [(name: String, value: String)]) throws {
    var (page, job): (String?, String?) = (nil, nil)
    try Self.check(parameters, Self.names)
    for (name, value) in parameters {
      switch name {
      case "model": model = value
      case "strength":
        strength = try Self.number(name, value, in: 0...1)
      case "format":
        guard ImageFile.writableExtensions.contains(value) else {
          throw Self.refusal(name, value, "one of \(ImageFile.writableExtensions.joined(separator: ", "))")
        }
        format = value
      case "quality":
        quality = Int(try Self.number(name, value, in: 1...100))
      case "depth":
        guard let depth = Image.SampleFormat(rawValue: value) else {
          throw Self.refusal(name, value, "uint8, uint16 or float32")
        }
        self.depth = depth
      case "metadata":
        guard let choice = Metadata(rawValue: value) else {
          throw Self.refusal(name, value, "keep, strip or strip-gps")
        }
        metadata = choice
      case "icc":
        guard let choice = ImageFile.ColourChoice(rawValue: value) else {
          throw Self.refusal(name, value, "keep or srgb")
        }
        colours = choice
      case "page": page = try Self.token(name, value)
      default: job = try Self.token(name, value)
      }
    }
    guard (page == nil) == (job == nil) else {
      throw ServingError.badRequest("page and job go together: one of them is missing")
    }
    if let page, let job { listener = Listener(page: page, job: job) }
  }

  /// - Throws: `ServingError` for a parameter that is not one of `names`, or twice there.
  package static func check(_ parameters: [(name: String, value: String)], _ names: [String]) throws {
    var seen: Set<String> = []
    for (name, _) in parameters {
      guard names.contains(name) else {
        throw ServingError.badRequest(
          "\(shown(name)): no such parameter; \(names.count == 1 ? "there is" : "they are") "
            + names.joined(separator: ", "))
      }
      guard seen.insert(name).inserted else { throw ServingError.badRequest("\(name) is stated twice") }
    }
  }

  package var writing: ImageFile.WritingOptions {
    ImageFile.WritingOptions(sampleFormat: depth, quality: quality)
  }

  private static func number(_ name: String, _ value: String, in range: ClosedRange<Double>) throws -> Double
  {
    guard let number = Double(value), range.contains(number) else {
      throw refusal(name, value, "a number from \(text(range.lowerBound)) to \(text(range.upperBound))")
    }
    return number
  }

  /// A short name that a page makes up.
  package static func token(_ name: String, _ value: String) throws -> String {
    guard (1...64).contains(value.utf8.count),
      value.utf8.allSatisfy({
        $0 < 128
          && (Character(UnicodeScalar($0)).isLetter || Character(UnicodeScalar($0)).isNumber
            || $0 == UInt8(ascii: "-"))
      })
    else { throw refusal(name, value, "1 to 64 letters, digits and hyphens") }
    return value
  }

  private static func refusal(_ name: String, _ value: String, _ expected: String) -> ServingError {
    .badRequest("\(name) is \(shown(value)), must be \(expected)")
  }

  private static func text(_ number: Double) -> String { String(Int(number)) }

  /// A client's text in a sentence: short.
  package static func shown(_ text: String) -> String {
    // Bytes are counted: one character may have any number of them.
    text.utf8.count > 100 ? String(decoding: text.utf8.prefix(100), as: UTF8.self) + "…" : text
  }
}
