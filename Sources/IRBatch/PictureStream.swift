import Foundation
import IRFiles
import IRThreads
import ImageRestoration

/// PNG or PNM pictures one behind the other, as `ffmpeg -f image2pipe` writes them: a job for each as it
/// comes.
package final class PictureStream: JobSource {
  /// Pictures that are read ahead.
  private static let countLimit = 2
  private let queue = BoundedQueue<NextJob>(limit: countLimit)

  /// The pictures of the standard input; `job` is that of the first. Nil where it begins with none whose end
  /// its bytes tell.
  /// - Throws: with the system's reason.
  package init?(_ job: Job) throws {
    let ahead = try StandardInput.lookAhead(PictureSplitter.signatureByteCount)
    guard PictureSplitter.Kind(ahead) != nil else { return nil }
    let start = StandardInput.takeAhead()
    Thread { [queue] in
      Self.read(
        PictureSplitter(STDIN_FILENO, first: start, limit: PipedPicture.byteCountLimit), from: job
      ) { _ = queue.put($0) }
      queue.finish()
    }.start()
  }

  package func next(waits: Bool) -> NextJob {
    switch queue.next(waits: waits) {
    case .value(let next): next
    case .notYet: .notYet
    case .end: .end
    }
  }

  /// Reads to the end of the stream.
  private static func read(_ splitter: PictureSplitter, from first: Job, _ add: (NextJob) -> Void) {
    var job = first
    var count = 0
    do {
      while let bytes = try splitter.next() {
        guard count == 0 || job.writesPipe else {
          throw FileError(
            path: Job.inputStreamName,
            reason: "several pictures come and \(job.output) takes one: give - as the output")
        }
        count += 1
        job.picture = Job.Picture(number: count, bytes: bytes)
        add(.job(job))
      }
    } catch {
      job.picture = nil
      add(.failed(job, error))
    }
  }
}

/// Divides a stream of pictures.
struct PictureSplitter {
  /// Bytes that tell the kind.
  static let signatureByteCount = 8

  enum Kind {
    case png, pnm

    init?(_ start: some Collection<UInt8>) {
      let start = Array(start.prefix(PictureSplitter.signatureByteCount))
      if start == Array("\u{89}PNG\r\n\u{1A}\n".unicodeScalars.map { UInt8($0.value) }) {
        self = .png
      } else if start.count >= 3, start[0] == UInt8(ascii: "P"), [5, 6].contains(start[1] &- 48),
        PNMHeader.isSpace(start[2]) || start[2] == UInt8(ascii: "#")
      {
        self = .pnm
      } else {
        return nil
      }
    }
  }

  private let source: Source
  private let limit: Int

  /// `first` are bytes that were read from the descriptor already; a picture has at most `limit` bytes.
  init(_ descriptor: Int32, first: [UInt8], limit: Int) {
    (source, self.limit) = (Source(descriptor, first), limit)
  }

  /// The bytes of the next picture; nil at the end. The first one may be cut or unknown: its reader says so.
  /// - Throws: `FileError` for a stream that is cut behind a picture, or goes on with something else.
  func next() throws(FileError) -> Data? {
    source.beginPicture()
    guard try source.has(1) else { return nil }
    let count = source.pictureCount
    let isWhole: Bool
    switch try source.has(Self.signatureByteCount) ? Kind(source.bytes) : nil {
    case .png: isWhole = try takePNG()
    case .pnm: isWhole = try takePNM()
    case nil:
      // One picture with something behind it is a file as others are.
      if count == 1 {
        guard ImageFile.suffix(firstBytes: source.bytes.prefix(16)) == nil else {
          throw FileError(
            path: Job.inputStreamName, reason: "another picture follows its first one; one is expected")
        }
        guard try source.skip(atMost: limit) else { throw tooLarge }
        return nil
      }
      isWhole = false
    }
    guard isWhole || count == 0 else {
      throw FileError(
        path: Job.inputStreamName,
        reason: source.isAtEnd
          ? "the stream is cut behind picture \(count)" : "no picture follows behind picture \(count)")
    }
    if !isWhole { _ = try take(.max) }
    return source.endPicture()
  }

  /// - Returns: whether there were so many bytes.
  private func take(_ count: Int) throws(FileError) -> Bool {
    guard count <= limit - source.taken || count == .max else { throw tooLarge }
    // Piece by piece: a large picture is held once.
    var left = count
    while left > 0, try source.has(1) {
      let piece = min(left, source.bytes.count)
      guard piece <= limit - source.taken else { throw tooLarge }
      source.take(piece)
      left -= piece
    }
    return left == 0
  }

  private var tooLarge: FileError { PipedPicture.tooLarge(Job.inputStreamName, limit) }

  /// Takes chunks up to the last one.
  private func takePNG() throws(FileError) -> Bool {
    guard try take(Self.signatureByteCount) else { return false }
    while true {
      guard try source.has(8) else { return false }
      let head = Array(source.bytes.prefix(8))
      let length = head.prefix(4).reduce(0) { $0 << 8 | Int($1) }
      guard length < 1 << 31, try take(length + 12) else { return false }
      if head.suffix(4).elementsEqual("IEND".utf8) { return true }
    }
  }

  private func takePNM() throws(FileError) -> Bool {
    var wanted = 64
    while true {
      let isMore = try source.has(wanted)
      switch PNMHeader.read(source.bytes.prefix(wanted)) {
      case .byteCount(let count): return try take(count)
      case .wrong: return false
      case .short:
        guard isMore, wanted < PNMHeader.byteCountLimit else { return false }
        wanted *= 2
      }
    }
  }
}

/// The header of a PGM or PPM picture.
enum PNMHeader {
  enum Result {
    /// Bytes of the picture with its header.
    case byteCount(Int)
    case short
    case wrong
  }

  /// Comments included.
  static let byteCountLimit = 1 << 16

  static func isSpace(_ byte: UInt8) -> Bool { byte == 32 || (9...13).contains(byte) }

  /// - Precondition: `bytes` begin with `P5` or `P6`.
  static func read(_ bytes: ArraySlice<UInt8>) -> Result {
    var place = bytes.startIndex + 2
    var numbers: [Int] = []
    while numbers.count < 3 {
      while place < bytes.endIndex, isSpace(bytes[place]) || bytes[place] == UInt8(ascii: "#") {
        if bytes[place] == UInt8(ascii: "#") {
          while place < bytes.endIndex, bytes[place] != UInt8(ascii: "\n") { place += 1 }
        } else {
          place += 1
        }
      }
      let start = place
      while place < bytes.endIndex, (48...57).contains(bytes[place]) { place += 1 }
      guard place < bytes.endIndex else { return .short }
      guard place > start, place - start <= 9,
        let number = Int(String(decoding: bytes[start..<place], as: UTF8.self))
      else { return .wrong }
      numbers.append(number)
    }
    guard isSpace(bytes[place]), (1...65535).contains(numbers[2]) else { return .wrong }
    let channels = bytes[bytes.startIndex + 1] == UInt8(ascii: "6") ? 3 : 1
    let (samples, overflows) = numbers[0].multipliedReportingOverflow(by: numbers[1] * channels)
    guard !overflows, samples < 1 << 48 else { return .wrong }
    return .byteCount(place + 1 - bytes.startIndex + samples * (numbers[2] > 255 ? 2 : 1))
  }
}

/// The bytes of a descriptor: those of the picture at hand, which are kept, and some that follow.
private final class Source {
  private let descriptor: Int32
  private var picture = Data()
  private(set) var bytes: ArraySlice<UInt8>
  private(set) var isAtEnd = false
  private(set) var pictureCount = -1
  private static let pieceByteCount = 1 << 18

  init(_ descriptor: Int32, _ first: [UInt8]) { (self.descriptor, bytes) = (descriptor, first[...]) }

  /// Bytes of the picture at hand so far.
  var taken: Int { picture.count }

  func beginPicture() {
    picture = Data()
    pictureCount += 1
  }

  func endPicture() -> Data { picture }

  /// Reads until there are so many bytes that were not taken.
  /// - Returns: whether there are.
  func has(_ count: Int) throws(FileError) -> Bool {
    while bytes.count < count, !isAtEnd { try readOn() }
    return bytes.count >= count
  }

  /// Adds the next bytes to the picture.
  func take(_ count: Int) {
    picture.append(contentsOf: bytes.prefix(count))
    bytes = bytes.dropFirst(count)
  }

  /// Leaves out the rest.
  /// - Returns: whether it has no more bytes than the limit.
  func skip(atMost limit: Int) throws(FileError) -> Bool {
    var count = 0
    while true {
      count += bytes.count
      bytes = []
      guard !isAtEnd, count <= limit else { return count <= limit }
      try readOn()
    }
  }

  private func readOn() throws(FileError) {
    var piece = [UInt8](repeating: 0, count: Self.pieceByteCount)
    let count = try piece.read(from: descriptor, Job.inputStreamName)
    if count == 0 { isAtEnd = true } else { bytes += piece[..<count] }
  }
}
