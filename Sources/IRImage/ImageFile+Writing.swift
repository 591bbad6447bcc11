import CVips
import Foundation
import IRFiles

extension ImageFile {
  /// Compressions of TIFF files. `jpeg` and `webp` are lossy, and take 8 bits only.
  public enum TIFFCompression: String, Sendable, CaseIterable {
    case none, lzw, deflate, zstd, packbits, jpeg, webp

    /// The nearest to TIFF's number of a compression.
    init(number: Int) {
      switch number {
      case 5: self = .lzw
      case 7: self = .jpeg
      case 8, 32_946, 34_925: self = .deflate
      case 50_000: self = .zstd
      case 50_001: self = .webp
      case 2, 3, 4, 32_773: self = .packbits
      default: self = .none
      }
    }
  }

  public struct WritingOptions: Sendable {
    /// The sample format; nil: the image's, or the nearest that the file format has.
    public var sampleFormat: Image.SampleFormat?
    /// The quality of JPEG, WebP, AVIF, HEIF and JPEG XL, 1...100.
    public var quality = 95
    /// Whether WebP and JPEG XL are written without loss; nil: if the image's file was lossless.
    public var isLossless: Bool?
    /// The compression of TIFF; nil: that of the image's file.
    public var compression: TIFFCompression?
    /// Whether a file that would lose metadata is refused.
    public var refusesLosses = false
    /// A path that is not overwritten: a number is appended to its stem until the name is free. nil: an
    /// existing file is replaced.
    public var numbered: String?
    /// The permissions of a new file, before the umask; a replaced file keeps its own.
    public var permissions: UInt32 = 0o666
    /// Whether the file is on the disk before it is put in its place; not worth its time for a file that is
    /// read at once and removed.
    public var reachesDisk = true

    public init(
      sampleFormat: Image.SampleFormat? = nil, quality: Int = 95, isLossless: Bool? = nil,
      compression: TIFFCompression? = nil
    ) {
      self.sampleFormat = sampleFormat
      self.quality = quality
      self.isLossless = isLossless
      self.compression = compression
    }
  }

  /// A report about a file that was written.
  public struct WritingReport: Hashable, Sendable {
    /// The path of the file; see `WritingOptions.numbered`.
    public var path: String
    public var sampleFormat: Image.SampleFormat
    /// Colour samples that were clipped: they lay outside the format's range by more than half a step. NaN is
    /// written as black and not counted.
    public var clippedSampleCount: Int
    /// Whether the image has alpha and the format has not.
    public var dropsAlpha: Bool
    /// Metadata that were lost, such as `resolution`, `gain map`, `EXIF MakerNote`.
    public var lost: [String] = []
  }

  /// The extensions that can be written.
  public static let writableExtensions = [
    "png", "jpg", "jpeg", "jpe", "jfif", "tif", "tiff", "webp", "avif", "heic", "heif", "jxl", "ppm", "pgm",
  ]

  /// Whether the format of an extension is lossy.
  public static func isLossy(_ suffix: String) -> Bool {
    switch PictureFormat(writing: suffix) {
    case .jpeg, .webp, .heif, .jxl: true
    default: false
    }
  }

  /// The reason why no image can be written to a path with these options; nil if one can.
  public static func refusal(writingTo path: String, options: WritingOptions) -> String? {
    let suffix = FilePath(path).suffix.lowercased()
    guard let format = PictureFormat(writing: suffix) else {
      return "the extension is not one of \(writableExtensions.joined(separator: ", "))"
    }
    if options.isLossless == true, format == .jpeg || format == .heif {
      return "\(suffix) cannot be written without loss: choose png, tif, webp or jxl"
    }
    return nil
  }

  /// The reason why an image of this size cannot be written to a path; nil if it can.
  public static func refusal(writingTo path: String, width: Int, height: Int) -> String? {
    let limits: [PictureFormat: Int] = [.webp: 16_383, .jpeg: 65_500, .heif: 65_535]
    let suffix = FilePath(path).suffix.lowercased()
    guard let limit = PictureFormat(writing: suffix).flatMap({ limits[$0] }), max(width, height) > limit
    else {
      return nil
    }
    return "\(width)×\(height) pixels exceed the \(limit) a side that \(suffix) can have"
  }

  /// Writes an image with its metadata, in the format of the path's extension.
  ///
  /// Samples are rounded to nearest and clipped to the format's range. A temporary file is written and
  /// renamed, so that a partial file is never seen. `prepare` is called with its path when it is complete.
  /// - Returns: a report about the file: sample format, clipped samples, lost metadata.
  /// - Throws: `ImageError.unwritable` for an unknown extension, and with the error of the system or libvips.
  @discardableResult
  public static func write(
    _ image: Image, to path: String, options: WritingOptions = WritingOptions(),
    prepare: (String) throws -> Void = { _ in }
  ) throws(ImageError) -> WritingReport {
    guard Vips.isReady else { throw .unwritable(path: path, reason: Vips.takeError()) }
    let refused =
      refusal(writingTo: path, options: options)
      ?? refusal(writingTo: path, width: image.width, height: image.height)
    if let refusal = refused {
      throw .unwritable(path: path, reason: refusal)
    }
    let suffix = FilePath(path).suffix.lowercased()
    guard let format = PictureFormat(writing: suffix) else { throw .unwritable(path: path, reason: suffix) }
    let sampleFormat = storable(options.sampleFormat ?? image.sampleFormat, in: format)
    let hasAlpha = image.alpha != nil && format != .jpeg && format != .ppm
    var report = WritingReport(
      path: path, sampleFormat: sampleFormat, clippedSampleCount: 0,
      dropsAlpha: image.alpha != nil && !hasAlpha)
    let metadata = written(image, format)
    let encoder = encoderOptions(image, metadata, options, sampleFormat, format)
    // libvips goes by the extension.
    let names: [PictureFormat: String] = [.jpeg: "jpg", .tiff: "tif"]
    let temporarySuffix = ".partial.\(names[format] ?? suffix)"
    do throws(FileError) {
      let place = FilePath(path)
      let pixels = try AtomicFile(replacing: place, suffix: temporarySuffix)
      pixels.restrict(to: options.permissions)
      let (problem, warnings) = Vips.turn.withLock { _ in
        _ = Vips.takeWarnings()
        let problem = save(
          image, sampleFormat, hasAlpha: hasAlpha,
          extraCount: format == .tiff ? image.extraChannels.count : 0,
          profile: format == .jxl ? metadata.iccProfile : nil, to: pixels.temporary.adding(encoder), &report)
        return (problem, Vips.takeWarnings())
      }
      if let problem { throw FileError(path: path, reason: problem) }
      let source = try PictureBytes(contentsOf: pixels.temporary)
      guard let whole = format.splice(metadata, into: source) else {
        throw FileError(
          path: path, reason: "the encoded picture has a form that takes no metadata, or exceeds 4 GB")
      }
      let file = try AtomicFile(replacing: place, suffix: temporarySuffix)
      file.restrict(to: options.permissions)
      try whole.write(from: source, to: file, path: path)
      if options.reachesDisk { try file.synchronize() }
      var stated = format.metadata(of: try PictureBytes(contentsOf: file.temporary))
      if format == .jxl { stated.iccProfile = metadata.iccProfile }
      report.lost = lost(image, stated, report, format, options) + warnings.map { "libvips warned: \($0)" }
      if options.refusesLosses, !report.lost.isEmpty {
        throw FileError(path: path, reason: "losses are refused")
      }
      do { try prepare(file.temporary.text) } catch { throw FileError(path: path, reason: "\(error)") }
      report.path = try put(file, at: place, options)
    } catch {
      if options.refusesLosses, !report.lost.isEmpty { throw .losesStatements(path: path, lost: report.lost) }
      throw .unwritable(path: path, reason: error.reason)
    }
    return report
  }

  /// Moves a complete file to its path, or to the next free one.
  /// - Returns: its path.
  private static func put(
    _ file: AtomicFile, at path: FilePath, _ options: WritingOptions
  ) throws(FileError) -> String {
    guard let first = options.numbered.map({ FilePath($0) }) else {
      try file.replace(reachingDisk: options.reachesDisk)
      return path.text
    }
    var (place, number) = (path, 0)
    while try !file.place(at: place) {
      number += 1
      place = first.numbered(number)
    }
    return place.text
  }

  /// The statements for a file of the image's size, its colours' profile where it fits them.
  private static func written(_ image: Image, _ format: PictureFormat) -> ImageMetadata {
    var result = image.metadata.fitted(width: image.width, height: image.height)
    if format != .jpeg, result.attachments != nil { result.removeAttachments() }
    if let profile = result.iccProfile {
      // The colour space that a profile is for.
      let space = profile.count > 128 ? String(decoding: profile[16..<20], as: UTF8.self) : ""
      if space != (image.channelCount == 3 ? "RGB " : "GRAY") { result.iccProfile = nil }
    } else if format != .png, image.channelCount == 3 {
      result.iccProfile = RGBSpace(result.colours)?.profile
    }
    result.encoding.extraSamples = Array(result.encoding.extraSamples.prefix(image.extraChannels.count))
    return result
  }

  private static func lost(
    _ image: Image, _ stated: ImageMetadata, _ report: WritingReport, _ format: PictureFormat,
    _ options: WritingOptions
  ) -> [String] {
    var result = image.metadata.lost(in: stated)
    if report.dropsAlpha { result.append("alpha") }
    let count = max(image.extraChannels.count, image.metadata.encoding.extraSamples.count)
    let kept = format == .tiff ? image.extraChannels.count : 0
    if count > kept { result.append(count - kept == 1 ? "extra channel" : "\(count - kept) extra channels") }
    let isLossless = options.isLossless ?? image.metadata.encoding.isLossless
    if format == .webp, isLossless, image.alpha?.contains(0) == true {
      // libvips 8.14 does not ask libwebp to keep them.
      result.append("colours of transparent pixels")
    }
    return result.sorted()
  }

  /// libvips' options as it takes them behind a name.
  private static func encoderOptions(
    _ image: Image, _ metadata: ImageMetadata, _ options: WritingOptions,
    _ sampleFormat: Image.SampleFormat, _ format: PictureFormat
  ) -> String {
    let quality = "Q=\(max(1, min(100, options.quality)))"
    let isLossless = options.isLossless ?? image.metadata.encoding.isLossless
    switch format {
    case .png: return "[strip]"
    case .jpeg, .heif: return "[strip,\(quality)]"
    case .webp: return isLossless ? "[strip,lossless]" : "[strip,\(quality)]"
    // libvips 8.14 reads lossy JPEG XL of other colours than sRGB in linear light of 8 bits.
    case .jxl: return isLossless || metadata.iccProfile != nil ? "[lossless]" : "[\(quality)]"
    case .tiff:
      var compression =
        options.compression ?? TIFFCompression(number: image.metadata.encoding.tiffCompression ?? 1)
      if compression == .jpeg || compression == .webp {
        // Other samples than these are kept without loss.
        let bands = image.channelCount + (image.alpha == nil ? 0 : 1) + image.extraChannels.count
        if sampleFormat != .uint8 || bands > (compression == .jpeg ? 3 : 4) { compression = .deflate }
      }
      switch compression {
      case .none: return ""
      case .jpeg, .webp:
        return "[compression=\(compression),\(quality)" + (options.isLossless == true ? ",lossless]" : "]")
      case .packbits: return "[compression=packbits]"
      case .lzw, .deflate, .zstd:
        return "[compression=\(compression),predictor=\(sampleFormat == .float32 ? "float" : "horizontal")]"
      }
    case .ppm, .bmp: return "[strip]"
    }
  }

  /// The nearest sample format that a file format has; AVIF and HEIF store 12 of 16 bits.
  private static func storable(_ format: Image.SampleFormat, in file: PictureFormat) -> Image.SampleFormat {
    switch file {
    case .jpeg, .webp: .uint8
    case .tiff, .jxl: format
    default: format == .float32 ? .uint16 : format
    }
  }

  /// Saves the samples interleaved.
  /// - Returns: what went wrong, or nil.
  private static func save(
    _ image: Image, _ format: Image.SampleFormat, hasAlpha: Bool, extraCount: Int, profile: [UInt8]?,
    to target: FilePath, _ report: inout WritingReport
  ) -> String? {
    let count = image.width * image.height
    let planes = (hasAlpha ? [image.alpha ?? []] : []) + image.extraChannels.prefix(extraCount)
    let bands = image.channelCount + planes.count
    var clipped = 0
    func interleaved<T>(_ convert: (Float) -> T) -> [T] {
      [T](unsafeUninitializedCapacity: count * bands) { buffer, initialized in
        for band in 0..<bands {
          let plane = band < image.channelCount ? image.pixels : planes[band - image.channelCount]
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
        if let profile { picture.set(VIPS_META_ICC_NAME, profile) }
        return ir_vips_save(picture.pointer, target.cString) == 0 ? nil : Vips.takeError()
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
