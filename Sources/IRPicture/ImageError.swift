/// Errors of image files and of operations on images.
public enum ImageError: Error, Sendable {
  /// The file cannot be opened or decoded; `reason` is the decoder's.
  case unreadable(path: String, reason: String)
  /// The header asks for more than the limits allow.
  case tooLarge(path: String, width: Int, height: Int, limit: String)
  /// Decoding would take more than the memory that is left for it: known from the header.
  case exceedsMemory(path: String, byteCount: Int, limit: Int)
  /// The file cannot be written; what was there before is untouched.
  case unwritable(path: String, reason: String)
  /// A writer that refuses losses would lose these statements of the picture: `resolution`, `gain map`.
  case losesStatements(path: String, lost: [String])
  /// An operation on images of sizes or channel counts that do not fit.
  case mismatch(detail: String)
}
