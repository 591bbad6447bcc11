import CVips
import Synchronization

/// What a file says beside its pixels (ICC profile, EXIF, XMP, IPTC, resolution, …), carried whole
/// from the file that was read to the file that is written.
public struct ImageMetadata: Sendable {
  let carrier: VipsHandle?

  /// No metadata.
  public init() { carrier = nil }

  init(of image: VipsHandle) {
    guard let black = ir_vips_carrier() else { carrier = nil; return }
    withExtendedLifetime(image) { ir_vips_copy_metadata(image.pointer, black) }
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
    return withExtendedLifetime(carrier) { String(cString: text) }
  }

  /// A copy that says nothing of who, when and where: the colour profile and the resolution stay, since the
  /// picture would look other without them.
  public func stripped() -> ImageMetadata {
    copied { copy in
      for prefix in ["exif-", VIPS_META_XMP_NAME, VIPS_META_IPTC_NAME, VIPS_META_PHOTOSHOP_NAME] {
        ir_vips_remove_fields(copy, prefix)
      }
    }
  }

  /// A copy without the place where the picture was taken: no GPS entries in EXIF, and no XMP where that has
  /// some. EXIF that is damaged goes whole.
  public func withoutPosition() -> ImageMetadata {
    let hasPlaceInXMP = xmp.map { String(decoding: $0, as: UTF8.self).contains("GPS") } ?? false
    var cleaned: [UInt8]?
    if let exif, var block = ExifBlock(exif), block.removePosition() { cleaned = block.bytes }
    let hadExif = exif != nil
    return copied { copy in
      ir_vips_remove_fields(copy, hadExif && cleaned == nil ? "exif-" : "exif-ifd3-")
      if let cleaned { vips_image_set_blob_copy(copy, VIPS_META_EXIF_NAME, cleaned, cleaned.count) }
      if hasPlaceInXMP { vips_image_remove(copy, VIPS_META_XMP_NAME) }
    }
  }

  /// A copy for pixels that were turned as the orientation said. Some writers take EXIF as it was, and XMP
  /// says it again.
  func upright() -> ImageMetadata {
    var result = self
    if let exif, var block = ExifBlock(exif) {
      block.resetOrientation()
      result = result.settingEXIF(block.bytes)
    }
    guard var text = xmp.map({ String(decoding: $0, as: UTF8.self) }), text.contains("tiff:Orientation")
    else {
      return result
    }
    for value in 2...8 {
      text = text.replacing("tiff:Orientation=\"\(value)\"", with: "tiff:Orientation=\"1\"")
      text = text.replacing("<tiff:Orientation>\(value)<", with: "<tiff:Orientation>1<")
    }
    let bytes = Array(text.utf8)
    return result.copied { vips_image_set_blob_copy($0, VIPS_META_XMP_NAME, bytes, bytes.count) }
  }

  /// A copy with one field set to a text, by libvips' name of it.
  package func setting(_ name: String, to text: String) -> ImageMetadata {
    copied { ir_vips_set_text($0, name, text) }
  }

  /// A copy with this block of EXIF.
  func settingEXIF(_ block: [UInt8]) -> ImageMetadata {
    copied { vips_image_set_blob_copy($0, VIPS_META_EXIF_NAME, block, block.count) }
  }

  private init(carrier: VipsHandle) { self.carrier = carrier }

  private func copied(_ change: (UnsafeMutablePointer<VipsImage>) -> Void) -> ImageMetadata {
    guard Vips.isReady, let black = ir_vips_carrier() else { return self }
    if let carrier { withExtendedLifetime(carrier) { ir_vips_copy_metadata(carrier.pointer, black) } }
    change(black)
    return ImageMetadata(carrier: VipsHandle(black))
  }

  /// A copy without the colour profile, for pixels that were converted.
  func removingProfile() -> ImageMetadata {
    copied { _ = vips_image_remove($0, VIPS_META_ICC_NAME) }
  }

  private func blob(_ name: String) -> [UInt8]? {
    guard let carrier, vips_image_get_typeof(carrier.pointer, name) != 0 else { return nil }
    var data: UnsafeRawPointer?
    var count = 0
    guard vips_image_get_blob(carrier.pointer, name, &data, &count) == 0, let data else { return nil }
    // The bytes are the carrier's, which nothing else may hold any more.
    return withExtendedLifetime(carrier) { Array(UnsafeRawBufferPointer(start: data, count: count)) }
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
    let status = withExtendedLifetime(self) { operation(pointer, &result) }
    guard status == 0, let result else { return nil }
    return VipsHandle(result)
  }
}

/// libvips, started once. Its messages are one text for all threads, so that one call is made at a time.
enum Vips {
  static let turn = Mutex(())

  static let isReady: Bool = {
    let started = vips_init("irkit") == 0
    ir_vips_silence_warnings()
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
}
