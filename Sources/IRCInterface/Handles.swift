import CIRKit
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

/// A text of C that lives as long as this object, and never changes.
final class CText: Sendable {
  nonisolated(unsafe) let pointer: UnsafePointer<CChar>
  init(_ text: String) { pointer = UnsafePointer(copyOfText(text)) }
  deinit { free(UnsafeMutableRawPointer(mutating: pointer)) }
}

/// A place of C's for a text that stays ours.
public typealias TextPlace = UnsafeMutablePointer<UnsafePointer<CChar>?>

/// Puts both texts of a pair into C's places, either of which may be NULL; NULL where there is no such pair.
func give(_ pairs: [(CText, CText)]?, at index: Int, to first: TextPlace?, _ second: TextPlace?)
  -> irkit_status
{
  first?.pointee = nil
  second?.pointee = nil
  guard let pairs, pairs.indices.contains(index) else { return IRKIT_INVALID_ARGUMENT }
  first?.pointee = pairs[index].0.pointer
  second?.pointee = pairs[index].1.pointer
  return IRKIT_OK
}

/// A text that C releases; what lies behind a zero byte is lost to C.
func copyOfText(_ text: String) -> UnsafeMutablePointer<CChar> {
  guard let copy = strdup(text) else { preconditionFailure("out of memory") }
  return copy
}

public typealias ErrorText = UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>
