import CVips
import Foundation
import IRFiles

/// Reads and writes image files: PNG, JPEG, TIFF, WebP, AVIF, HEIF, JPEG XL and PPM; BMP is only read.
/// libvips decodes and encodes the pixels. Metadata are read and written by code of this module
/// (docs/metadata.md).
public enum ImageFile {
  /// The colour space of the image that is read.
  public enum ColourChoice: String, Sendable, CaseIterable {
    /// The file's: values and profile are kept.
    case keep
    /// sRGB: values are converted (relative colorimetric), and the profile is dropped.
    case srgb
  }

  /// The content of a file's header.
  public struct Header: Hashable, Sendable {
    /// The sides after the orientation is applied.
    public var width: Int
    public var height: Int
    public var bandCount: Int
    /// Bytes that decoding and the image in memory take.
    public var byteCount: Int
  }

  /// Reads an image file.
  ///
  /// The image is upright: its orientation is applied. Integer samples are scaled to 0...1, and floats are
  /// kept. CMYK and other print or indexed colours are converted to sRGB; grey stays grey. The image's
  /// `notes` tell the user what was converted. With `salvages`, the readable part of damaged and truncated
  /// files is read.
  /// - Throws: `ImageError.unreadable` for missing, unknown, damaged, truncated and animated files and for
  ///   camera raws; `.tooLarge` and `.exceedsMemory` beyond `limits`.
  public static func read(
    _ path: String, limits: Limits = Limits(), colours: ColourChoice = .keep, salvages: Bool = false
  ) throws(ImageError) -> Image {
    try reading(path) { () throws(ImageError) in
      try decoded(Source(FilePath(path), limits), limits, colours, salvages: salvages)
    }
  }

  /// Reads an image from the bytes of a file; `name` stands for them in errors.
  public static func read(
    bytes: Data, name: String, limits: Limits = Limits(), colours: ColourChoice = .keep,
    salvages: Bool = false
  ) throws(ImageError) -> Image {
    try reading(name) { () throws(ImageError) in
      try decoded(Source(bytes, name, limits), limits, colours, salvages: salvages)
    }
  }

  /// Reads the header of a file, without decoding.
  /// - Throws: as `read`.
  public static func header(of path: String, limits: Limits = Limits()) throws(ImageError) -> Header {
    try reading(path) { () throws(ImageError) in try header(Source(FilePath(path), limits), limits) }
  }

  /// Reads the header from the bytes of a file; `name` stands for them in errors.
  public static func header(
    bytes: Data, name: String, limits: Limits = Limits()
  ) throws(ImageError) -> Header {
    try reading(name) { () throws(ImageError) in try header(Source(bytes, name, limits), limits) }
  }

  private static func header(_ source: Source, _ limits: Limits) throws(ImageError) -> Header {
    switch try source.opened(VIPS_FAIL_ON_TRUNCATED) {
    case .file(let file): return try header(file, source, limits)
    case .own(let header, _):
      try limits.check(header, path: source.name)
      return header
    }
  }

  /// The usual extension of a file that begins with these bytes, such as `png`; nil for other formats than
  /// those that can be read.
  public static func suffix(firstBytes: some Collection<UInt8>) -> String? {
    PictureFormat(firstBytes: firstBytes)?.suffix(firstBytes: firstBytes)
  }

  private static func reading<R>(
    _ path: String, _ body: () throws(ImageError) -> R
  ) throws(ImageError) -> R {
    guard Vips.isReady else { throw unreadable(path) }
    let result: Result<R, ImageError> = Vips.turn.withLock { _ in
      defer { _ = Vips.takeWarnings() }
      do throws(ImageError) { return .success(try body()) } catch { return .failure(error) }
    }
    return try result.get()
  }

  static func unreadable(_ path: String) -> ImageError { .unreadable(path: path, reason: Vips.takeError()) }

  /// The header as libvips reads it, within the limits.
  static func header(_ file: VipsHandle, _ source: Source, _ limits: Limits) throws(ImageError) -> Header {
    let image = file.pointer
    defer { withExtendedLifetime(file) {} }
    let (width, height) = (Int(vips_image_get_width(image)), Int(vips_image_get_height(image)))
    // HEIF keeps thumbnails and bursts beside its picture; elsewhere more pages are frames or scans.
    let pages = source.layout?.pictureCount ?? Int(vips_image_get_n_pages(image))
    guard pages <= 1 || source.format == .heif else { throw source.manyPictures(pages) }
    let bands = Int(vips_image_get_bands(image))
    // The decoded samples twice, where they are turned, planes of float32, and what the decoder holds whole.
    let sampleByteCount = Int(vips_format_sizeof(vips_image_get_format(image)))
    let byteCountPerPixel =
      2 * sampleByteCount * bands + 4 * bands
      + (source.format == .webp ? WebPHeader.byteCountPerPixel : 0)
    try limits.check(width: width, height: height, byteCountPerPixel: byteCountPerPixel, path: source.name)
    let isTurned = source.orientation >= 5
    return Header(
      width: isTurned ? height : width, height: isTurned ? width : height, bandCount: bands,
      byteCount: width * height * byteCountPerPixel)
  }
}
