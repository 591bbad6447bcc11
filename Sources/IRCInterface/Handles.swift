import Glibc

/// Swift objects as handles of C.
enum Handle {
  static func make(_ object: some AnyObject) -> OpaquePointer {
    OpaquePointer(Unmanaged.passRetained(object).toOpaque())
  }

  static func object<T: AnyObject>(_ handle: OpaquePointer?, _: T.Type = T.self) -> T? {
    handle.map { Unmanaged<T>.fromOpaque(UnsafeRawPointer($0)).takeUnretainedValue() }
  }

  static func release<T: AnyObject>(_ handle: OpaquePointer?, _: T.Type) {
    if let handle { Unmanaged<T>.fromOpaque(UnsafeRawPointer(handle)).release() }
  }
}

/// A text of C that lives as long as this object.
final class CText: Sendable {
  nonisolated(unsafe) let pointer: UnsafePointer<CChar>
  init(_ text: String) { pointer = UnsafePointer(copyOfText(text)) }
  deinit { free(UnsafeMutableRawPointer(mutating: pointer)) }
}

/// A text that C releases; what lies behind a zero byte is lost to C.
func copyOfText(_ text: String) -> UnsafeMutablePointer<CChar> {
  guard let copy = strdup(text) else { preconditionFailure("out of memory") }
  return copy
}

public typealias ErrorText = UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>
