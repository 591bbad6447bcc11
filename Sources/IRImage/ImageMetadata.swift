import CVips

/// What a file says beside its pixels (ICC profile, EXIF, XMP, IPTC, resolution, …), carried whole
/// from the file that was read to the file that is written.
public struct ImageMetadata: Sendable {
  let carrier: VipsHandle?

  /// No metadata.
  public init() { carrier = nil }

  init(of image: VipsHandle) {
    guard let black = ir_vips_carrier() else { carrier = nil; return }
    ir_vips_copy_metadata(image.pointer, black)
    carrier = VipsHandle(black)
  }

  public var iccProfile: [UInt8]? { blob(VIPS_META_ICC_NAME) }
  public var exif: [UInt8]? { blob(VIPS_META_EXIF_NAME) }
  public var xmp: [UInt8]? { blob(VIPS_META_XMP_NAME) }
  public var iptc: [UInt8]? { blob(VIPS_META_IPTC_NAME) }

  /// A field as text, by libvips' name of it (`exif-ifd0-Model`, …).
  public func field(_ name: String) -> String? {
    guard let carrier, vips_image_get_typeof(carrier.pointer, name) != 0 else { return nil }
    var text: UnsafeMutablePointer<CChar>?
    guard vips_image_get_as_string(carrier.pointer, name, &text) == 0, let text else { return nil }
    defer { g_free(text) }
    return String(cString: text)
  }

  /// A copy without the colour profile, for pixels that were converted.
  func removingProfile() -> ImageMetadata {
    if let carrier { vips_image_remove(carrier.pointer, VIPS_META_ICC_NAME) }
    return self
  }

  private func blob(_ name: String) -> [UInt8]? {
    guard let carrier, vips_image_get_typeof(carrier.pointer, name) != 0 else { return nil }
    var data: UnsafeRawPointer?
    var count = 0
    guard vips_image_get_blob(carrier.pointer, name, &data, &count) == 0, let data else { return nil }
    return Array(UnsafeRawBufferPointer(start: data, count: count))
  }
}

/// Owns one reference to a libvips image.
final class VipsHandle: @unchecked Sendable {
  let pointer: UnsafeMutablePointer<VipsImage>
  init(_ pointer: UnsafeMutablePointer<VipsImage>) { self.pointer = pointer }
  deinit { ir_vips_release(pointer) }

  /// Makes an image from this one by a libvips call that returns 0 for success.
  func derived(
    _ operation: (UnsafeMutablePointer<VipsImage>, UnsafeMutablePointer<UnsafeMutablePointer<VipsImage>?>) ->
      Int32
  ) -> VipsHandle? {
    var result: UnsafeMutablePointer<VipsImage>?
    guard operation(pointer, &result) == 0, let result else { return nil }
    return VipsHandle(result)
  }
}

/// libvips, started once; its messages are collected per call.
enum Vips {
  static let isReady: Bool = {
    let started = vips_init("irkit") == 0
    ir_vips_silence_warnings()
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
}
