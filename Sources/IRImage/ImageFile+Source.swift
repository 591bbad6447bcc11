import CVips
import Foundation
import IRFiles

extension ImageFile {
  /// A picture's file, looked at by own code before a decoder sees it.
  struct Source {
    let name: String
    let bytes: PictureBytes
    let format: PictureFormat
    /// Of TIFF files.
    let layout: TIFFLayout?
    /// The file's statements; colours as the pixels are stored.
    let metadata: ImageMetadata
    private let path: FilePath?
    private let data: NSData?
    /// Whether a JPEG file has the mark of its end; true for others.
    private let isEnded: Bool

    enum Opened {
      case file(VipsHandle)
      /// Decoded by own code when it is called.
      case own(Header, () throws(ImageError) -> VipsHandle)
    }

    /// - Throws: `ImageError`, also if the file is foreign, an animation, a camera raw, or beyond the
    ///   limits.
    init(_ path: FilePath, _ limits: Limits) throws(ImageError) {
      let bytes: PictureBytes
      do { bytes = try PictureBytes(contentsOf: path) } catch {
        throw .unreadable(path: path.text, reason: error.reason)
      }
      try self.init(bytes, path.text, limits, path: path, data: nil)
    }

    init(_ data: Data, _ name: String, _ limits: Limits) throws(ImageError) {
      let bytes = PictureBytes(data)
      try self.init(bytes, name, limits, path: nil, data: NSData(data: data))
      // A stream of several pictures is a mistake that no name of a file shows.
      guard let end = format.end(of: bytes), end < bytes.count,
        PictureFormat(firstBytes: bytes.prefix(PictureFormat.byteCount, at: end)) != nil
      else { return }
      throw .unreadable(
        path: name, reason: "another picture follows its first one of \(end) bytes; one is expected")
    }

    private init(
      _ bytes: PictureBytes, _ name: String, _ limits: Limits, path: FilePath?, data: NSData?
    ) throws(ImageError) {
      self.bytes = bytes
      self.name = name
      self.path = path
      self.data = data
      func refusal(_ reason: String) -> ImageError { .unreadable(path: name, reason: reason) }
      let firstBytes = bytes.prefix(max(PictureFormat.byteCount, WebPHeader.byteCount))
      if let raw = CameraRaw.name(bytes) { throw refusal(CameraRaw.refusal(raw)) }
      guard let format = PictureFormat(firstBytes: firstBytes) else {
        throw refusal(
          firstBytes.isEmpty
            ? "it is empty" : "its first bytes do not belong to any of \(PictureFormat.names)")
      }
      self.format = format
      try limits.check(firstBytes: firstBytes, path: name)
      layout = format == .tiff ? TIFFLayout(bytes) : nil
      metadata = format.metadata(of: bytes, page: layout?.page ?? 0)
      isEnded = format != .jpeg || JPEGSegments(bytes)?.end != nil
      if format == .png, let defect = PNGChunks.defect(bytes) { throw refusal(defect) }
      let frames = format == .png ? PNGChunks.frameCount(bytes) : PictureSequence.frameCount(bytes)
      if let frames, frames > 1 { throw manyPictures(frames) }
    }

    func manyPictures(_ count: Int) -> ImageError {
      .unreadable(path: name, reason: "it has \(count) frames or pages; one is expected")
    }

    /// How the decoded pixels must be turned: 1 not at all. HEIF's and JPEG XL's decoders have done so
    /// already.
    var orientation: Int {
      switch format {
      case .heif, .jxl, .ppm, .bmp: 1
      case .tiff: layout?.orientation ?? 1
      case .jpeg, .png, .webp: metadata.exif.flatMap { ExifBlock($0)?.orientation } ?? 1
      }
    }

    /// Opens it with its decoder; `failOn` says which defects end decoding.
    func opened(_ failOn: VipsFailOn) throws(ImageError) -> Opened {
      if format == .bmp { return try ownBMP() }
      if let layout, layout.isUncommon { return try ownTIFF(layout) }
      let page = Int32(layout?.page ?? 0)
      if !isEnded, failOn != VIPS_FAIL_ON_NONE {
        // With the mark, and no defect at all, the pixels were whole.
        let ended = NSData(data: bytes.prefix(bytes.count) + [0xFF, 0xD9])
        guard
          let image = ir_vips_open_bytes(
            format.bytesLoader, ended.bytes, ended.length, 0, VIPS_FAIL_ON_WARNING)
        else {
          throw unreadable(name)
        }
        // Of two threads the other one may decode the last rows before a defect is noticed.
        vips_image_set_int(image, VIPS_META_CONCURRENCY, 1)
        return .file(VipsHandle(image, owner: ended))
      }
      let image =
        path.map { ir_vips_open(format.fileLoader, $0.cString, page, failOn) }
        ?? data.flatMap {
          // Of PPM libvips has no loader from bytes.
          format == .ppm
            ? ir_vips_open_source("ppmload_source", $0.bytes, $0.length, failOn)
            : ir_vips_open_bytes(format.bytesLoader, $0.bytes, $0.length, page, failOn)
        }
      guard let image else { throw unreadable(name) }
      return .file(VipsHandle(image, owner: data))
    }

    private func ownBMP() throws(ImageError) -> Opened {
      func refusal(_ failure: BMP.Failure) -> ImageError {
        switch failure {
        case .reason(let reason): .unreadable(path: name, reason: reason)
        }
      }
      let bitmap: BMP
      do { bitmap = try BMP(bytes) } catch { throw refusal(error) }
      let header = Header(
        width: bitmap.width, height: bitmap.height, bandCount: bitmap.bandCount,
        byteCount: bitmap.width * bitmap.height * 8 * bitmap.bandCount)
      return .own(header) { () throws(ImageError) in
        do throws(BMP.Failure) { return try bitmap.decoded() } catch { throw refusal(error) }
      }
    }

    private func ownTIFF(_ layout: TIFFLayout) throws(ImageError) -> Opened {
      guard layout.pictureCount == 1 else { throw manyPictures(layout.pictureCount) }
      func refusal(_ failure: UncommonTIFF.Failure) -> ImageError {
        switch failure {
        case .reason(let reason): .unreadable(path: name, reason: reason)
        }
      }
      let file: UncommonTIFF
      do { file = try UncommonTIFF(bytes, layout) } catch { throw refusal(error) }
      let isTurned = orientation >= 5
      let header = Header(
        width: isTurned ? layout.height : layout.width, height: isTurned ? layout.width : layout.height,
        bandCount: layout.samples,
        byteCount: layout.width * layout.height * layout.samples * (8 + 3 * (layout.bits + 7) / 8))
      return .own(header) { () throws(ImageError) in
        do throws(UncommonTIFF.Failure) { return try file.decoded() } catch { throw refusal(error) }
      }
    }

    /// Sentences for the user about the file.
    var notes: [String] {
      var result: [String] = []
      if !isEnded { result.append("its end marker is missing: it may be incomplete") }
      if let attachments = metadata.attachments,
        attachments.name.hasSuffix("picture") || attachments.name.hasSuffix("pictures")
      {
        result.append("its first picture was read")
      }
      return result
    }
  }
}
