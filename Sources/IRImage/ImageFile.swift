import CVips
import Foundation
import IRFiles

/// Reads and writes image files through libvips: PNG, JPEG, TIFF, WebP and what else it opens.
public enum ImageFile {
  /// What a file may ask for, checked on its header before anything is decoded.
  public struct Limits: Sendable {
    public var sideInPixels = 65_500
    public var pixelCount = 400_000_000

    public init() {}
  }

  /// Reads an image: turned as its orientation says, 8 and 16 bit scaled to 0...1, float as it is;
  /// CMYK and other print or indexed spaces become sRGB, grey stays grey.
  /// - Throws: `ImageError.unreadable` for missing, foreign, damaged and truncated files,
  ///   `ImageError.tooLarge` beyond `limits`.
  public static func read(_ path: String, limits: Limits = Limits()) throws(ImageError) -> Image {
    guard Vips.isReady else { throw .unreadable(path: path, reason: Vips.takeError()) }
    guard access(path, R_OK) == 0 else {
      throw .unreadable(path: path, reason: systemError())
    }
    guard let opened = ir_vips_open(path) else { throw .unreadable(path: path, reason: Vips.takeError()) }
    let file = VipsHandle(opened)
    let width = Int(vips_image_get_width(opened))
    let height = Int(vips_image_get_height(opened))
    guard max(width, height) <= limits.sideInPixels else {
      throw .tooLarge(path: path, width: width, height: height, limit: "\(limits.sideInPixels) a side")
    }
    guard width * height <= limits.pixelCount else {
      throw .tooLarge(path: path, width: width, height: height, limit: "\(limits.pixelCount) pixels")
    }
    func step(_ handle: VipsHandle?) throws(ImageError) -> VipsHandle {
      guard let handle else { throw .unreadable(path: path, reason: Vips.takeError()) }
      return handle
    }
    // Decoded whole first: turning needs random access, and a truncated file fails here.
    let decoded = try step(file.derived { ir_vips_to_memory($0, $1) })
    let turned = try step(decoded.derived { ir_vips_autorotate($0, $1) })
    let (pixels, isConverted) = try normalized(turned, path: path)
    var metadata = ImageMetadata(of: pixels)
    if metadata.exif == nil, let exif = TIFFMetadata.exif(of: path) { metadata = metadata.settingEXIF(exif) }
    let format = sampleFormat(of: pixels)
    return try image(
      pixels, format: format, metadata: isConverted ? metadata.removingProfile() : metadata, path: path)
  }

  /// Grey or RGB, whatever the file had.
  private static func normalized(_ handle: VipsHandle, path: String) throws(ImageError) -> (VipsHandle, Bool)
  {
    let bands = Int(vips_image_get_bands(handle.pointer))
    let space = vips_image_get_interpretation(handle.pointer)
    switch space {
    case VIPS_INTERPRETATION_B_W, VIPS_INTERPRETATION_GREY16, VIPS_INTERPRETATION_sRGB,
      VIPS_INTERPRETATION_RGB, VIPS_INTERPRETATION_RGB16, VIPS_INTERPRETATION_scRGB:
      return (handle, false)
    case VIPS_INTERPRETATION_MULTIBAND where bands <= 4:
      return (handle, false)
    default:
      guard let converted = handle.derived({ ir_vips_to_colourspace($0, $1, VIPS_INTERPRETATION_sRGB) })
      else {
        throw .unreadable(path: path, reason: Vips.takeError())
      }
      return (converted, true)
    }
  }

  private static func sampleFormat(of handle: VipsHandle) -> Image.SampleFormat {
    switch vips_image_get_format(handle.pointer) {
    case VIPS_FORMAT_UCHAR: .uint8
    case VIPS_FORMAT_USHORT: .uint16
    default: .float32
    }
  }

  private static func image(
    _ handle: VipsHandle, format: Image.SampleFormat, metadata: ImageMetadata, path: String
  ) throws(ImageError) -> Image {
    guard let floats = handle.derived({ ir_vips_to_float($0, $1) }) else {
      throw .unreadable(path: path, reason: Vips.takeError())
    }
    var byteCount = 0
    guard let memory = vips_image_write_to_memory(floats.pointer, &byteCount) else {
      throw .unreadable(path: path, reason: Vips.takeError())
    }
    defer { g_free(memory) }
    let width = Int(vips_image_get_width(floats.pointer))
    let height = Int(vips_image_get_height(floats.pointer))
    let bands = Int(vips_image_get_bands(floats.pointer))
    let count = width * height
    guard bands >= 1, byteCount == count * bands * 4 else {
      throw .unreadable(path: path, reason: "\(bands) bands of \(byteCount) bytes in all")
    }
    let interleaved = memory.assumingMemoryBound(to: Float.self)
    let scale = 1 / format.white
    func plane(_ band: Int) -> [Float] {
      [Float](unsafeUninitializedCapacity: count) { buffer, initialized in
        for index in 0..<count { buffer[index] = interleaved[index * bands + band] * scale }
        initialized = count
      }
    }
    let channelCount = bands >= 3 ? 3 : 1
    var pixels: [Float] = []
    pixels.reserveCapacity(channelCount * count)
    for band in 0..<channelCount { pixels += plane(band) }
    return Image(
      width: width, height: height, channelCount: channelCount, pixels: pixels,
      alpha: bands > channelCount ? plane(channelCount) : nil, sampleFormat: format, metadata: metadata)
  }
}
