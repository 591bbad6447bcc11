import Foundation
import IRFiles

/// Pictures that come through pipes or go into them. A pipe states no size beforehand and may never end: only
/// so much of it is read.
enum PipedPicture {
  /// Bytes of a picture's file.
  static let byteCountLimit = 1 << 30

  /// All that comes, up to `limit` bytes.
  /// - Throws: `FileError` for more, and with the system's reason.
  static func read(_ job: Job, atMost limit: Int) throws(FileError) -> Data {
    if let picture = job.picture {
      guard picture.bytes.count <= limit else { throw tooLarge(job.inputName, limit) }
      return picture.bytes
    }
    let isStream = job.input == Job.stream
    let descriptor = isStream ? STDIN_FILENO : try job.input.opened()
    defer { if !isStream { close(descriptor) } }
    var data = Data(isStream ? StandardInput.takeAhead() : [])
    var buffer = [UInt8](repeating: 0, count: 1 << 18)
    while true {
      let count = try buffer.read(from: descriptor, job.inputName)
      guard count > 0 else { return data }
      guard count <= limit - data.count else { throw tooLarge(job.inputName, limit) }
      data.append(contentsOf: buffer[..<count])
    }
  }

  static func tooLarge(_ name: String, _ limit: Int) -> FileError {
    FileError(path: name, reason: "it holds more than the \(limit >> 20) MiB that are taken from there")
  }

  /// Sends all bytes to the output of a job.
  /// - Throws: `FileError` with the system's reason.
  static func write(_ bytes: [UInt8], _ job: Job) throws(FileError) {
    guard job.output != Job.stream else {
      return try bytes.withUnsafeBufferPointer { (bytes) throws(FileError) in
        try StandardOutput.write(UnsafeRawBufferPointer(bytes))
      }
    }
    let name = job.output.text
    let descriptor = open(job.output.cString, O_WRONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw FileError(path: name, reason: systemError()) }
    defer { close(descriptor) }
    try bytes.withUnsafeBufferPointer { (bytes) throws(FileError) in
      try StandardOutput.write(UnsafeRawBufferPointer(bytes), to: descriptor, name)
    }
  }
}
