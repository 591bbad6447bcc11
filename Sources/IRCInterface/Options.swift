// The names are those of irkit.h.
// swift-format-ignore-file: AlwaysUseLowerCamelCase

import CIRKit
import Glibc
import IRFiles
import IRRuntime

@c @implementation
public func irkit_version() -> UnsafePointer<CChar>? { version.pointer }

private let version = CText(Version.number)

@c @implementation
public func irkit_text_release(_ text: UnsafeMutablePointer<CChar>?) { free(text) }

extension RuntimeOptions {
  init(_ options: irkit_options) throws {
    guard options.size >= MemoryLayout<irkit_options>.size else {
      throw ArgumentError("the options' size is \(options.size), and must be sizeof(irkit_options)")
    }
    guard (0...4096).contains(options.threads) else { throw ArgumentError("\(options.threads) threads") }
    self.init(
      threadCount: options.threads == 0 ? RuntimeOptions.defaultThreadCount : Int(options.threads),
      memoryByteCount: options.memory == 0 ? nil : Int(clamping: options.memory),
      allowsFloat16Storage: options.float16_storage != 0)
  }

  init(_ options: UnsafePointer<irkit_options>?) throws {
    if let options { try self.init(options.pointee) } else { self.init() }
  }
}
