import CVips
import Foundation
import IRFiles

/// Reads and writes photographs through libvips: PNG, JPEG, TIFF, WebP, AVIF, HEIF and PPM.
public enum ImageFile {
  /// What becomes of a picture's own colour space.
  public enum ColourChoice: String, Sendable, CaseIterable {
    /// Values and profile stay as they are.
    case keep
    /// Values are converted to sRGB, relative colorimetric, and the profile goes.
    case srgb
  }

  /// What a header says.
  public struct Header: Hashable, Sendable {
    /// After turning as the orientation says.
    public var width: Int
    public var height: Int
    public var bandCount: Int
    /// Bytes that decoding and the picture in memory take.
    public var byteCount: Int
  }

  /// Reads an image: turned as its orientation says, 8 and 16 bit scaled to 0...1, float as it is;
  /// CMYK and other print or indexed spaces become sRGB, grey stays grey.
  /// - Throws: `ImageError.unreadable` for missing, foreign, damaged, truncated and animated files,
  ///   `ImageError.tooLarge` and `.exceedsMemory` beyond `limits`.
  public static func read(
    _ path: String, limits: Limits = Limits(), colours: ColourChoice = .keep
  ) throws(ImageError) -> Image {
    try reading(path) { () throws(ImageError) in
      let (file, bytes) = try opened(path, limits)
      return try decoded(file, path, limits, colours) { TIFFMetadata.exif(in: bytes) }
    }
  }

  /// As above, from bytes; `name` stands for them in errors.
  public static func read(
    bytes: Data, name: String, limits: Limits = Limits(), colours: ColourChoice = .keep
  ) throws(ImageError) -> Image {
    try reading(name) { () throws(ImageError) in
      let format = try format(PictureBytes(bytes), limits, name)
      // The decoder reads from these bytes until it is released.
      let owned = NSData(data: bytes)
      defer { withExtendedLifetime(owned) {} }
      guard let image = ir_vips_open_bytes(format.bytesLoader, owned.bytes, owned.length) else {
        throw unreadable(name)
      }
      return try decoded(VipsHandle(image), name, limits, colours) {
        TIFFMetadata.exif(in: PictureBytes(bytes))
      }
    }
  }

  /// What a file's header says; nothing is decoded.
  /// - Throws: as `read`.
  public static func header(of path: String, limits: Limits = Limits()) throws(ImageError) -> Header {
    try reading(path) { () throws(ImageError) in try header(try opened(path, limits).file, path, limits) }
  }

  private static func reading<R>(
    _ path: String, _ body: () throws(ImageError) -> R
  ) throws(ImageError) -> R {
    guard Vips.isReady else { throw unreadable(path) }
    let result: Result<R, ImageError> = Vips.turn.withLock { _ in
      do throws(ImageError) { return .success(try body()) } catch { return .failure(error) }
    }
    return try result.get()
  }

  private static func opened(
    _ path: String, _ limits: Limits
  ) throws(ImageError) -> (file: VipsHandle, bytes: PictureBytes) {
    let bytes: PictureBytes
    do { bytes = try PictureBytes(contentsOf: path) } catch {
      throw .unreadable(path: path, reason: error.reason)
    }
    let format = try format(bytes, limits, path)
    guard let opened = ir_vips_open(format.fileLoader, path) else { throw unreadable(path) }
    return (VipsHandle(opened), bytes)
  }

  /// Which decoder a file is for, by its first bytes; what it states lies within the limits and within the file.
  private static func format(
    _ bytes: PictureBytes, _ limits: Limits, _ path: String
  ) throws(ImageError) -> PictureFormat {
    let firstBytes = bytes.prefix(max(PictureFormat.byteCount, WebPHeader.byteCount))
    guard let format = PictureFormat(firstBytes: firstBytes) else {
      let known = "JPEG, PNG, TIFF, WebP, HEIF, AVIF or PPM"
      throw .unreadable(
        path: path, reason: firstBytes.isEmpty ? "it is empty" : "its first bytes are those of no \(known)")
    }
    try limits.check(firstBytes: firstBytes, path: path)
    if format == .png, let defect = PNGChunks.defect(bytes) { throw .unreadable(path: path, reason: defect) }
    return format
  }

  static func unreadable(_ path: String) -> ImageError { .unreadable(path: path, reason: Vips.takeError()) }

  private static func header(
    _ file: VipsHandle, _ path: String, _ limits: Limits
  ) throws(ImageError) -> Header {
    let image = file.pointer
    defer { withExtendedLifetime(file) {} }
    let (width, height) = (Int(vips_image_get_width(image)), Int(vips_image_get_height(image)))
    // HEIF keeps thumbnails and bursts beside its picture; elsewhere more pages are frames or scans.
    let loader = ImageMetadata(of: file).field("vips-loader") ?? ""
    let pages = Int(vips_image_get_n_pages(image))
    guard pages <= 1 || loader.hasPrefix("heif") else {
      throw .unreadable(path: path, reason: "it holds \(pages) frames or pages, and a picture is one")
    }
    let bands = Int(vips_image_get_bands(image))
    // The decoded samples twice, where they are turned, planes of float32, and what the decoder holds whole.
    let sampleByteCount = Int(vips_format_sizeof(vips_image_get_format(image)))
    let byteCountPerPixel =
      2 * sampleByteCount * bands + 4 * min(bands, 4)
      + (loader.hasPrefix("webp") ? WebPHeader.byteCountPerPixel : 0)
    try limits.check(width: width, height: height, byteCountPerPixel: byteCountPerPixel, path: path)
    let isTurned = (5...8).contains(vips_image_get_orientation(image))
    return Header(
      width: isTurned ? height : width, height: isTurned ? width : height, bandCount: bands,
      byteCount: width * height * byteCountPerPixel)
  }

  private static func decoded(
    _ file: VipsHandle, _ path: String, _ limits: Limits, _ colours: ColourChoice, exif: () -> [UInt8]?
  ) throws(ImageError) -> Image {
    _ = try header(file, path, limits)
    // Metadata may point into the picture that was opened, until they are copied.
    defer { withExtendedLifetime(file) {} }
    func step(_ handle: VipsHandle?) throws(ImageError) -> VipsHandle {
      guard let handle else { throw unreadable(path) }
      return handle
    }
    // Decoded whole first: turning needs random access, and a truncated file fails here.
    let decoded = try step(file.derived { ir_vips_to_memory($0, $1) })
    let turned = try step(decoded.derived { ir_vips_autorotate($0, $1) })
    let (pixels, isConverted) = try normalized(turned, colours, path: path)
    var metadata = ImageMetadata(of: pixels)
    if metadata.exif == nil, let exif = exif() { metadata = metadata.settingEXIF(exif) }
    if vips_image_get_orientation(file.pointer) > 1 { metadata = metadata.upright() }
    return try image(pixels, metadata: isConverted ? metadata.removingProfile() : metadata, path: path)
  }

  /// Grey or RGB, whatever the file had.
  private static func normalized(
    _ handle: VipsHandle, _ colours: ColourChoice, path: String
  ) throws(ImageError) -> (VipsHandle, Bool) {
    defer { withExtendedLifetime(handle) {} }
    let bands = Int(vips_image_get_bands(handle.pointer))
    let space = vips_image_get_interpretation(handle.pointer)
    let format = vips_image_get_format(handle.pointer)
    let hasProfile = vips_image_get_typeof(handle.pointer, VIPS_META_ICC_NAME) != 0
    if colours == .srgb, hasProfile {
      guard format == VIPS_FORMAT_UCHAR || format == VIPS_FORMAT_USHORT else {
        throw .unreadable(
          path: path, reason: "its float samples would be clipped by conversion to sRGB: keep its profile")
      }
      let depth: Int32 = format == VIPS_FORMAT_UCHAR ? 8 : 16
      guard let converted = handle.derived({ ir_vips_to_srgb($0, $1, depth) }) else { throw unreadable(path) }
      return (converted, true)
    }
    switch space {
    case VIPS_INTERPRETATION_B_W, VIPS_INTERPRETATION_GREY16, VIPS_INTERPRETATION_sRGB,
      VIPS_INTERPRETATION_RGB, VIPS_INTERPRETATION_RGB16, VIPS_INTERPRETATION_scRGB:
      return (handle, false)
    case VIPS_INTERPRETATION_MULTIBAND where bands <= 4:
      return (handle, false)
    default:
      guard let converted = handle.derived({ ir_vips_to_colourspace($0, $1, VIPS_INTERPRETATION_sRGB) })
      else { throw unreadable(path) }
      return (converted, true)
    }
  }

  private static func image(
    _ handle: VipsHandle, metadata: ImageMetadata, path: String
  ) throws(ImageError) -> Image {
    var handle = handle
    defer { withExtendedLifetime(handle) {} }
    let format: Image.SampleFormat
    var white: Float = 1
    switch vips_image_get_format(handle.pointer) {
    case VIPS_FORMAT_UCHAR: (format, white) = (.uint8, 255)
    case VIPS_FORMAT_USHORT: (format, white) = (.uint16, 65535)
    case let stored where [VIPS_FORMAT_UINT, VIPS_FORMAT_FLOAT, VIPS_FORMAT_DOUBLE].contains(stored):
      format = .float32
      if stored == VIPS_FORMAT_UINT { white = Float(UInt32.max) }
      guard let floats = handle.derived({ ir_vips_to_float($0, $1) }) else { throw unreadable(path) }
      handle = floats
    default:
      throw .unreadable(path: path, reason: "its samples are signed integers or complex numbers, no shades")
    }
    var byteCount = 0
    guard let memory = vips_image_write_to_memory(handle.pointer, &byteCount) else { throw unreadable(path) }
    defer { g_free(memory) }
    let width = Int(vips_image_get_width(handle.pointer))
    let height = Int(vips_image_get_height(handle.pointer))
    let bands = Int(vips_image_get_bands(handle.pointer))
    let count = width * height
    guard bands >= 1,
      byteCount == count * bands * Int(vips_format_sizeof(vips_image_get_format(handle.pointer)))
    else { throw .unreadable(path: path, reason: "\(bands) bands of \(byteCount) bytes in all") }
    let scale = 1 / white
    func planes<T>(_ range: Range<Int>, _ type: T.Type, _ value: (T) -> Float) -> [Float] {
      let samples = memory.assumingMemoryBound(to: type)
      return [Float](unsafeUninitializedCapacity: range.count * count) { buffer, initialized in
        var position = 0
        for band in range {
          for index in 0..<count {
            buffer[position] = value(samples[index * bands + band]) * scale
            position += 1
          }
        }
        initialized = position
      }
    }
    func planes(_ range: Range<Int>) -> [Float] {
      switch format {
      case .uint8: planes(range, UInt8.self) { Float($0) }
      case .uint16: planes(range, UInt16.self) { Float($0) }
      case .float32: planes(range, Float.self) { $0 }
      }
    }
    let channelCount = bands >= 3 ? 3 : 1
    return Image(
      width: width, height: height, channelCount: channelCount, pixels: planes(0..<channelCount),
      alpha: bands > channelCount ? planes(channelCount..<(channelCount + 1)) : nil, sampleFormat: format,
      metadata: metadata)
  }
}
