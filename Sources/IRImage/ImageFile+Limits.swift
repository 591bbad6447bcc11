extension ImageFile {
  /// Limits for image files, checked on the header before anything is decoded.
  public struct Limits: Sendable {
    public var sideInPixels = 65_500
    public var pixelCount = 400_000_000
    /// The memory limit of decoding in bytes; nil: none.
    public var byteCount: Int?

    public init(byteCount: Int? = nil) { self.byteCount = byteCount }

    /// - Throws: `ImageError.tooLarge`, `.exceedsMemory`.
    func check(width: Int, height: Int, byteCountPerPixel: Int, path: String) throws(ImageError) {
      guard max(width, height) <= sideInPixels else {
        throw .tooLarge(path: path, width: width, height: height, limit: "\(sideInPixels) a side")
      }
      guard width * height <= pixelCount else {
        throw .tooLarge(path: path, width: width, height: height, limit: "\(pixelCount) pixels")
      }
      if let byteCount, width * height * byteCountPerPixel > byteCount {
        throw .exceedsMemory(
          path: path, byteCount: width * height * byteCountPerPixel, limit: byteCount)
      }
    }

    /// The same, of a picture that own code decodes.
    func check(_ header: Header, path: String) throws(ImageError) {
      try check(
        width: header.width, height: header.height,
        byteCountPerPixel: header.byteCount / max(1, header.width * header.height), path: path)
    }

    /// Holds what the first bytes of a file state against the limits, for those formats that libvips
    /// allocates for as it opens them.
    /// - Throws: as `check`.
    func check(firstBytes: some Collection<UInt8>, path: String) throws(ImageError) {
      guard let header = WebPHeader(firstBytes) else { return }
      try check(
        width: header.width, height: header.height, byteCountPerPixel: WebPHeader.byteCountPerPixel,
        path: path)
    }
  }
}
