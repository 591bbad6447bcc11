/// Why a stream of frames cannot be read or written.
package enum VideoError: Error, Hashable {
  /// The stream says something that is not understood, or that is refused.
  case header(String)
  /// The stream ends within a frame; so many frames before it are whole.
  case cut(frames: Int, detail: String)
  /// The system's reason.
  case unreadable(String)
  case unwritable(String)
  /// A frame does not fit the stream that it is written to.
  case mismatch(String)
}

extension VideoError: CustomStringConvertible {
  package var description: String {
    switch self {
    case .header(let detail): "not a stream that can be restored: \(detail)"
    case .cut(let frames, let detail):
      "the stream is cut behind frame \(frames): \(detail)"
    case .unreadable(let reason): "cannot be read: \(reason)"
    case .unwritable(let reason): "cannot be written: \(reason)"
    case .mismatch(let detail): detail
    }
  }
}
