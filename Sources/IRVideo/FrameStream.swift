/// A kind of stream of frames: one with a header, or frames alone.
package enum FrameStream: Sendable {
  case y4m(Y4MHeader)
  case raw(RawFrames)

  package var coding: any FrameCoding {
    switch self {
    case .y4m(let header): header.coding
    case .raw(let frames): frames
    }
  }

  package func enlarged(by scale: Int) -> FrameStream {
    switch self {
    case .y4m(let header): .y4m(header.enlarged(by: scale))
    case .raw(let frames): .raw(frames.enlarged(by: scale))
    }
  }
}

/// A frame's bytes and the line that stands before them.
package struct Frame: Sendable {
  /// `FRAME` and its words; nil where frames stand alone.
  package var line: String?
  package var bytes: [UInt8]
}

/// Reads frames from a descriptor, one after the other: memory is that of a frame.
package final class FrameReader {
  package let stream: FrameStream
  /// Frames that were read whole.
  package private(set) var count = 0
  private let source: ByteStream

  /// The frames of a YUV4MPEG2 stream, or `raw` ones. `first` are bytes that were read from the descriptor
  /// already; `matrix` is the colours' where somebody knows.
  /// - Throws: `VideoError`.
  package init(
    _ descriptor: Int32, first: [UInt8] = [], raw: RawFrames? = nil, matrix: YCbCr.Matrix? = nil
  ) throws(VideoError) {
    source = ByteStream(descriptor, first: first)
    if let raw {
      stream = .raw(raw)
    } else {
      guard let line = try source.line(limit: Y4MHeader.lineLimit) else { throw .header("it is empty") }
      stream = .y4m(try Y4MHeader(line, matrix: matrix))
    }
  }

  /// The next frame; nil at the end.
  /// - Throws: `VideoError.cut` where the stream ends within a frame.
  package func next() throws(VideoError) -> Frame? {
    var line: String?
    if case .y4m = stream {
      do { line = try source.line(limit: Y4MHeader.lineLimit) } catch {
        guard case .header = error else { throw error }
        throw .cut(frames: count, detail: "no line of a frame follows")
      }
      guard let line else { return nil }
      guard line.split(separator: " ").first == "FRAME" else {
        throw .cut(frames: count, detail: "no line of a frame follows")
      }
    }
    let wanted = stream.coding.byteCount
    let bytes = try source.bytes(wanted)
    if bytes.isEmpty, line == nil { return nil }
    guard bytes.count == wanted else {
      throw .cut(frames: count, detail: "the next has \(bytes.count) of \(wanted) bytes")
    }
    count += 1
    return Frame(line: line, bytes: bytes)
  }
}

/// Writes frames to a descriptor.
package final class FrameWriter {
  package let stream: FrameStream
  package private(set) var count = 0
  private let put: (UnsafeRawBufferPointer) throws -> Void

  /// `put` writes all bytes that it is given.
  package init(_ stream: FrameStream, _ put: @escaping (UnsafeRawBufferPointer) throws -> Void) throws {
    (self.stream, self.put) = (stream, put)
    if case .y4m(let header) = stream { try write(Array("\(header.text)\n".utf8)) }
  }

  package func write(_ frame: Frame) throws {
    if let line = frame.line { try write(Array("\(line)\n".utf8)) }
    try write(frame.bytes)
    count += 1
  }

  private func write(_ bytes: [UInt8]) throws { try bytes.withUnsafeBytes { try put($0) } }
}
