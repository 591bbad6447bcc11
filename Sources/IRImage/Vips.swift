import CVips
import Foundation
import Synchronization

/// Owns one reference to a libvips image.
///
/// Unchecked: the reference never changes, and libvips counts references and reads images on any thread.
/// Fields are set on a copy that its maker alone holds.
final class VipsHandle: @unchecked Sendable {
  let pointer: UnsafeMutablePointer<VipsImage>
  /// The bytes that libvips reads from, which must stay as long as the image.
  private let owner: NSData?

  init(_ pointer: UnsafeMutablePointer<VipsImage>, owner: NSData? = nil) {
    self.pointer = pointer
    self.owner = owner
  }

  deinit { ir_vips_release(pointer) }

  /// Makes an image from this one by a libvips call that returns 0 for success.
  func derived(
    _ operation: (UnsafeMutablePointer<VipsImage>, UnsafeMutablePointer<UnsafeMutablePointer<VipsImage>?>) ->
      Int32
  ) -> VipsHandle? {
    var result: UnsafeMutablePointer<VipsImage>?
    let status = withExtendedLifetime(self) { operation(pointer, &result) }
    guard status == 0, let result else { return nil }
    return VipsHandle(result, owner: owner)
  }

  /// The bytes of a field.
  func blob(_ name: String) -> [UInt8]? {
    defer { withExtendedLifetime(self) {} }
    var data: UnsafeRawPointer?
    var count = 0
    guard vips_image_get_typeof(pointer, name) != 0, vips_image_get_blob(pointer, name, &data, &count) == 0,
      let data
    else { return nil }
    return Array(UnsafeRawBufferPointer(start: data, count: count))
  }

  /// Sets a field to bytes.
  func set(_ name: String, _ bytes: [UInt8]) {
    withExtendedLifetime(self) { vips_image_set_blob_copy(pointer, name, bytes, bytes.count) }
  }
}

/// libvips, started once. Its messages are one text for all threads, so that one call is made at a time.
enum Vips {
  static let turn = Mutex(())
  private static let warnings = Mutex<[String]>([])

  static let isReady: Bool = {
    let started = vips_init("irkit") == 0
    ir_vips_handle_warnings { _, _, text, _ in
      guard let text else { return }
      Vips.warnings.withLock { if $0.count < 64 { $0.append(String(cString: text)) } }
    }
    ir_vips_allow_photographs_only()
    vips_cache_set_max(0)
    return started
  }()

  /// libvips' last messages as one line, which are then forgotten.
  static func takeError() -> String {
    let text = String(cString: vips_error_buffer())
    vips_error_clear()
    let lines = text.split(separator: "\n").map(String.init)
    return lines.isEmpty ? "unknown error" : lines.joined(separator: "; ")
  }

  /// libvips' warnings since the last call, each text once.
  static func takeWarnings() -> [String] {
    warnings.withLock { list in
      defer { list = [] }
      var seen: Set<String> = []
      return list.filter { seen.insert($0).inserted }
    }
  }
}
