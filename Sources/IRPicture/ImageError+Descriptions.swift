extension ImageError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .unreadable(let path, let reason): "\(path): cannot be read as an image: \(reason)"
    case .tooLarge(let path, let width, let height, let limit):
      "\(path): \(width)×\(height) pixels are more than \(limit)"
    case .exceedsMemory(let path, let byteCount, let limit):
      "\(path): decoding needs \(byteCount >> 20) MiB of memory; the limit is \(limit >> 20) MiB"
    case .unwritable(let path, let reason): "\(path): cannot be written: \(reason)"
    case .losesStatements(let path, let lost):
      "\(path): cannot be written: not carried over: \(lost.joined(separator: ", "))"
    case .mismatch(let detail): detail
    }
  }
}
