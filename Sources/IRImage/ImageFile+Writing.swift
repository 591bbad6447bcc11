import CVips
import Foundation
import IRFiles

extension ImageFile {
  public struct WritingOptions: Sendable {
    /// How samples are stored; nil keeps the image's own where the file format has it.
    public var sampleFormat: Image.SampleFormat?
    /// 1...100 for JPEG and WebP.
    public var quality = 95

    public init(sampleFormat: Image.SampleFormat? = nil, quality: Int = 95) {
      self.sampleFormat = sampleFormat
      self.quality = quality
    }
  }

  /// The extensions that can be written.
  public static let writableExtensions = ["png", "jpg", "jpeg", "tif", "tiff", "webp", "ppm", "pgm"]

  /// Writes an image in the format of the path's extension with its metadata; samples are rounded to
  /// nearest and clipped to the file's range. Written beside and renamed, so no half file is ever seen.
  /// - Throws: `ImageError.unwritable` for an unknown extension or what the system or libvips says.
  public static func write(
    _ image: Image, to path: String, options: WritingOptions = WritingOptions()
  ) throws(ImageError) {
    guard Vips.isReady else { throw .unwritable(path: path, reason: Vips.takeError()) }
    let suffix = path.split(separator: "/").last?.split(separator: ".").dropFirst().last?.lowercased() ?? ""
    guard writableExtensions.contains(suffix) else {
      let known = writableExtensions.joined(separator: ", ")
      throw .unwritable(path: path, reason: "the extension is not one of \(known)")
    }
    let format = storable(options.sampleFormat ?? image.sampleFormat, in: suffix)
    let hasAlpha = image.alpha != nil && !["jpg", "jpeg", "ppm", "pgm"].contains(suffix)
    let handle = try vipsImage(image, format: format, hasAlpha: hasAlpha, path: path)
    let saverOptions =
      ["jpg", "jpeg", "webp"].contains(suffix) ? "[Q=\(max(1, min(100, options.quality)))]" : ""
    do throws(FileError) {
      let file = try AtomicFile(replacing: path, suffix: ".partial.\(suffix)")
      guard ir_vips_save(handle.pointer, file.temporary + saverOptions) == 0 else {
        throw FileError(path: path, reason: Vips.takeError())
      }
      if ["tif", "tiff"].contains(suffix), let exif = image.metadata.exif {
        do { try TIFFMetadata.add(exif, to: file.temporary) } catch {
          throw FileError(path: path, reason: "its EXIF: \(error.localizedDescription)")
        }
      }
      try file.synchronize()
      try file.replace()
    } catch { throw .unwritable(path: path, reason: error.reason) }
  }

  /// The nearest sample format that a file format has.
  private static func storable(_ format: Image.SampleFormat, in suffix: String) -> Image.SampleFormat {
    switch suffix {
    case "jpg", "jpeg", "webp": .uint8
    case "tif", "tiff": format
    default: format == .float32 ? .uint16 : format
    }
  }

  private static func vipsImage(
    _ image: Image, format: Image.SampleFormat, hasAlpha: Bool, path: String
  ) throws(ImageError) -> VipsHandle {
    let count = image.width * image.height
    let bands = image.channelCount + (hasAlpha ? 1 : 0)
    func sample(_ index: Int, _ band: Int) -> Float {
      if band < image.channelCount { return image.pixels[band * count + index] }
      return image.alpha?[index] ?? 1
    }
    func interleaved<T>(_ convert: (Float) -> T) -> [T] {
      var result: [T] = []
      result.reserveCapacity(count * bands)
      for index in 0..<count {
        for band in 0..<bands { result.append(convert(sample(index, band))) }
      }
      return result
    }
    func quantized(_ value: Float, _ white: Float) -> Float {
      value.isNaN ? 0 : min(max((value * white).rounded(.toNearestOrAwayFromZero), 0), white)
    }
    let raw: UnsafeMutablePointer<VipsImage>? = {
      func make<T>(_ samples: [T], _ format: VipsBandFormat) -> UnsafeMutablePointer<VipsImage>? {
        samples.withUnsafeBytes {
          vips_image_new_from_memory_copy(
            $0.baseAddress, $0.count, Int32(image.width), Int32(image.height), Int32(bands), format)
        }
      }
      switch format {
      case .uint8: return make(interleaved { UInt8(quantized($0, 255)) }, VIPS_FORMAT_UCHAR)
      case .uint16: return make(interleaved { UInt16(quantized($0, 65535)) }, VIPS_FORMAT_USHORT)
      case .float32: return make(interleaved { $0 }, VIPS_FORMAT_FLOAT)
      }
    }()
    guard let raw else { throw .unwritable(path: path, reason: Vips.takeError()) }
    let isGrey = image.channelCount == 1
    let space: VipsInterpretation =
      switch format {
      case .uint8: isGrey ? VIPS_INTERPRETATION_B_W : VIPS_INTERPRETATION_sRGB
      case .uint16: isGrey ? VIPS_INTERPRETATION_GREY16 : VIPS_INTERPRETATION_RGB16
      case .float32: isGrey ? VIPS_INTERPRETATION_B_W : VIPS_INTERPRETATION_scRGB
      }
    guard let result = VipsHandle(raw).derived({ ir_vips_with_interpretation($0, $1, space) }) else {
      throw .unwritable(path: path, reason: Vips.takeError())
    }
    if let carrier = image.metadata.carrier { ir_vips_copy_metadata(carrier.pointer, result.pointer) }
    return result
  }
}
