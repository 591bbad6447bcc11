import Foundation
import IRFiles

extension ImageFile {
  /// Encodes an image as `write` does, by way of a temporary file.
  /// - Returns: the bytes of a file with this extension.
  /// - Throws: `ImageError.unwritable`.
  public static func encoded(
    _ image: Image, as suffix: String, options: WritingOptions = WritingOptions()
  ) throws(ImageError) -> Data {
    guard !suffix.contains("/") else {
      throw .unwritable(path: suffix, reason: "the extension contains a slash")
    }
    let place = TemporaryFile(suffix: suffix)
    defer { withExtendedLifetime(place) {} }
    var own = options
    (own.permissions, own.reachesDisk) = (0o600, false)
    try write(image, to: place.path.text, options: own)
    do { return Data(try place.path.contents()) } catch {
      throw .unwritable(path: error.path, reason: error.reason)
    }
  }
}
