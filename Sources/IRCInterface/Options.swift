// The names are those of irkit.h.
// swift-format-ignore-file: AlwaysUseLowerCamelCase

import CIRKit
import Glibc
import IRFiles
import IRRuntime
import IRTensor

@c @implementation
public func irkit_version() -> UnsafePointer<CChar>? { version.pointer }

private let version = CText(Version.number)

@c @implementation
public func irkit_text_release(_ text: UnsafeMutablePointer<CChar>?) { free(text) }

extension RuntimeOptions {
  init(_ options: irkit_options) throws {
    guard (0...4096).contains(options.threads) else { throw ArgumentError("\(options.threads) threads") }
    self.init(
      threadCount: options.threads == 0 ? RuntimeOptions.defaultThreadCount : Int(options.threads),
      memoryByteCount: options.memory == 0 ? nil : Int(clamping: options.memory),
      allowsFloat16Storage: options.float16_storage != 0, precision: try Self.precision(options.precision))
  }

  /// C may hand over any number.
  private static func precision(_ choice: irkit_precision) throws -> Precision {
    switch choice {
    case IRKIT_PRECISION_F32: .float32
    case IRKIT_PRECISION_BF16: .bfloat16
    case IRKIT_PRECISION_AUTO: fastestPrecision
    default: throw ArgumentError("there is no precision \(choice.rawValue)")
    }
  }

  init(_ options: UnsafePointer<irkit_options>?) throws {
    guard let options else {
      self.init()
      return
    }
    try verifySize(options, "irkit_options")
    try self.init(options.pointee)
  }
}

/// Holds the size that a structure of options states in its first field to the structure's own, before any
/// other field is read.
func verifySize<T>(_ options: UnsafePointer<T>, _ name: String) throws {
  let size = UnsafeRawPointer(options).load(as: Int.self)
  guard size >= MemoryLayout<T>.size else {
    throw ArgumentError("the options' size is \(size), and must be sizeof(\(name))")
  }
}
