import Foundation
import IRFiles

extension ImageFile {
  /// An image as the bytes of a file with this extension, made as `write` makes it, in a folder for temporary
  /// files.
  /// - Throws: `ImageError.unwritable`.
  public static func encoded(
    _ image: Image, as suffix: String, options: WritingOptions = WritingOptions()
  ) throws(ImageError) -> Data {
    guard !suffix.contains("/") else {
      throw .unwritable(path: suffix, reason: "the extension holds a slash")
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
