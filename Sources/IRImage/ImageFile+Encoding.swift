import Foundation

extension ImageFile {
  /// An image as the bytes of a file with this extension, made as `write` makes it, in a folder for temporary
  /// files.
  /// - Throws: `ImageError.unwritable`.
  public static func encoded(
    _ image: Image, as suffix: String, options: WritingOptions = WritingOptions()
  ) throws(ImageError) -> Data {
    let name = "irkit-\(UUID().uuidString).\(suffix)"
    guard !suffix.contains("/") else {
      throw .unwritable(path: name, reason: "the extension holds a slash")
    }
    let path = NSTemporaryDirectory() + "/" + name
    defer { try? FileManager.default.removeItem(atPath: path) }
    var own = options
    own.permissions = 0o600
    try write(image, to: path, options: own)
    do { return try Data(contentsOf: URL(fileURLWithPath: path)) } catch {
      throw .unwritable(path: path, reason: error.localizedDescription)
    }
  }
}
