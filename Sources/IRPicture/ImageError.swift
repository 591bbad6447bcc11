/// Errors of image files and of operations on images.
public enum ImageError: Error, Sendable {
  /// The file cannot be opened or decoded; `reason` is the decoder's message.
  case unreadable(path: String, reason: String)
  /// The header states sides beyond the limits.
  case tooLarge(path: String, width: Int, height: Int, limit: String)
  /// Decoding would exceed the memory limit, by what the header states.
  case exceedsMemory(path: String, byteCount: Int, limit: Int)
  /// The file cannot be written; an existing file is unchanged.
  case unwritable(path: String, reason: String)
  /// The file would lose metadata, such as `resolution` or `gain map`, and the options refuse losses.
  case losesStatements(path: String, lost: [String])
  /// The sizes or channel counts of images do not match.
  case mismatch(detail: String)
}
