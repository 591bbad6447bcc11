import CVips
import Foundation
import IRFiles

extension ImageFile {
  public struct WritingOptions: Sendable {
    /// How samples are stored; nil keeps the image's own where the file format has it.
    public var sampleFormat: Image.SampleFormat?
    /// 1...100 for JPEG, WebP, AVIF and HEIF.
    public var quality = 95

    public init(sampleFormat: Image.SampleFormat? = nil, quality: Int = 95) {
      self.sampleFormat = sampleFormat
      self.quality = quality
    }
  }

  /// What was written.
  public struct WritingReport: Hashable, Sendable {
    public var sampleFormat: Image.SampleFormat
    /// Colour samples that lay outside the format's range by more than half a step, and were clipped to it. Samples
    /// that are not numbers are written as black and are not counted.
    public var clippedSampleCount: Int
    /// Whether the picture has alpha and the format none.
    public var dropsAlpha: Bool
  }

  /// The extensions that can be written.
  public static let writableExtensions = [
    "png", "jpg", "jpeg", "tif", "tiff", "webp", "avif", "heic", "heif", "ppm", "pgm",
  ]

  /// Whether what the extension says compresses with losses.
  public static func isLossy(_ suffix: String) -> Bool {
    ["jpg", "jpeg", "webp", "avif", "heic", "heif"].contains(suffix.lowercased())
  }

  /// Writes an image in the format of the path's extension with its metadata; samples are rounded to
  /// nearest and clipped to the file's range. Written beside and renamed, so no half file is ever seen.
  /// `prepare` is called when the file is whole and not yet in place, with its temporary path.
  /// - Returns: what was written.
  /// - Throws: `ImageError.unwritable` for an unknown extension or what the system or libvips says.
  @discardableResult
  public static func write(
    _ image: Image, to path: String, options: WritingOptions = WritingOptions(),
    prepare: (String) throws -> Void = { _ in }
  ) throws(ImageError) -> WritingReport {
    guard Vips.isReady else { throw .unwritable(path: path, reason: Vips.takeError()) }
    let suffix = path.split(separator: "/").last?.split(separator: ".").dropFirst().last?.lowercased() ?? ""
    guard writableExtensions.contains(suffix) else {
      let known = writableExtensions.joined(separator: ", ")
      throw .unwritable(path: path, reason: "the extension is not one of \(known)")
    }
    let format = storable(options.sampleFormat ?? image.sampleFormat, in: suffix)
    let hasAlpha = image.alpha != nil && !["jpg", "jpeg", "ppm", "pgm"].contains(suffix)
    var report = WritingReport(
      sampleFormat: format, clippedSampleCount: 0, dropsAlpha: image.alpha != nil && !hasAlpha)
    let quality = max(1, min(100, options.quality))
    let saverOptions = isLossy(suffix) ? "[Q=\(quality)]" : ""
    do throws(FileError) {
      let file = try AtomicFile(replacing: path, suffix: ".partial.\(suffix)")
      let problem: String? = Vips.turn.withLock { _ in
        save(image, format, hasAlpha: hasAlpha, to: file.temporary + saverOptions, &report)
      }
      if let problem { throw FileError(path: path, reason: problem) }
      if ["tif", "tiff"].contains(suffix), let exif = image.metadata.exif {
        do { try TIFFMetadata.add(exif, to: file.temporary) } catch {
          throw FileError(path: path, reason: "its EXIF: \(error.localizedDescription)")
        }
      }
      try file.synchronize()
      do { try prepare(file.temporary) } catch { throw FileError(path: path, reason: "\(error)") }
      try file.replace()
    } catch { throw .unwritable(path: path, reason: error.reason) }
    return report
  }

  /// The nearest sample format that a file format has; AVIF and HEIF store 12 of 16 bits.
  private static func storable(_ format: Image.SampleFormat, in suffix: String) -> Image.SampleFormat {
    switch suffix {
    case "jpg", "jpeg", "webp": .uint8
    case "tif", "tiff": format
    default: format == .float32 ? .uint16 : format
    }
  }

  /// Saves the samples interleaved.
  /// - Returns: what went wrong, or nil.
  private static func save(
    _ image: Image, _ format: Image.SampleFormat, hasAlpha: Bool, to target: String,
    _ report: inout WritingReport
  ) -> String? {
    let count = image.width * image.height
    let bands = image.channelCount + (hasAlpha ? 1 : 0)
    var clipped = 0
    func interleaved<T>(_ convert: (Float) -> T) -> [T] {
      [T](unsafeUninitializedCapacity: count * bands) { buffer, initialized in
        for band in 0..<bands {
          let plane = band < image.channelCount ? image.pixels : image.alpha ?? []
          let start = band < image.channelCount ? band * count : 0
          plane.withUnsafeBufferPointer { samples in
            for index in 0..<count {
              (buffer.baseAddress.unsafelyUnwrapped + index * bands + band).initialize(
                to: convert(samples[start + index]))
            }
          }
        }
        initialized = count * bands
      }
    }
    func quantized(_ value: Float, _ white: Float) -> Float {
      let level = (value * white).rounded(.toNearestOrAwayFromZero)
      guard !level.isNaN else { return 0 }
      guard level >= 0, level <= white else {
        clipped += 1
        return level > white ? white : 0
      }
      return level
    }
    func save<T>(_ samples: [T], _ vipsFormat: VipsBandFormat) -> String? {
      samples.withUnsafeBytes { bytes in
        let raw = vips_image_new_from_memory(
          bytes.baseAddress, bytes.count, Int32(image.width), Int32(image.height), Int32(bands), vipsFormat)
        let space = interpretation(format, isGrey: image.channelCount == 1)
        guard let raw, let picture = VipsHandle(raw).derived({ ir_vips_with_interpretation($0, $1, space) })
        else {
          return Vips.takeError()
        }
        if let carrier = image.metadata.carrier { ir_vips_copy_metadata(carrier.pointer, picture.pointer) }
        return ir_vips_save(picture.pointer, target) == 0 ? nil : Vips.takeError()
      }
    }
    defer { report.clippedSampleCount = clipped }
    switch format {
    case .uint8: return save(interleaved { UInt8(quantized($0, 255)) }, VIPS_FORMAT_UCHAR)
    case .uint16: return save(interleaved { UInt16(quantized($0, 65535)) }, VIPS_FORMAT_USHORT)
    case .float32: return save(interleaved { $0 }, VIPS_FORMAT_FLOAT)
    }
  }

  private static func interpretation(_ format: Image.SampleFormat, isGrey: Bool) -> VipsInterpretation {
    switch format {
    case .uint8: isGrey ? VIPS_INTERPRETATION_B_W : VIPS_INTERPRETATION_sRGB
    case .uint16: isGrey ? VIPS_INTERPRETATION_GREY16 : VIPS_INTERPRETATION_RGB16
    case .float32: isGrey ? VIPS_INTERPRETATION_B_W : VIPS_INTERPRETATION_scRGB
    }
  }
}
