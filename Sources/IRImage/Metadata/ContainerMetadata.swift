/// The reader and the writer of each container's metadata.
extension PictureFormat {
  func metadata(of file: PictureBytes, page: Int = 0) -> ImageMetadata {
    switch self {
    case .jpeg: JPEGMetadata.read(file)
    case .png: PNGMetadata.read(file)
    case .webp: WebPMetadata.read(file)
    case .tiff: TIFFMetadata.read(file, page: page)
    case .heif: HEIFMetadata.read(file)
    case .jxl: JXLMetadata.read(file)
    case .ppm, .bmp: ImageMetadata()
    }
  }

  /// The file that libvips wrote without metadata, with these; nil if it is not as libvips writes it.
  func splice(_ metadata: ImageMetadata, into file: PictureBytes) -> SplicedFile? {
    switch self {
    case .jpeg: return JPEGMetadata.splice(metadata, into: file)
    case .png: return PNGMetadata.splice(metadata, into: file)
    case .webp: return WebPMetadata.splice(metadata, into: file)
    case .tiff: return TIFFMetadata.splice(metadata, into: file)
    case .heif: return HEIFMetadata.splice(metadata, into: file)
    case .jxl: return JXLMetadata.splice(metadata, into: file)
    case .ppm, .bmp:
      var whole = SplicedFile()
      whole.keep(0..<file.count)
      return whole
    }
  }

  /// The offset behind the picture in a file that may go on; nil if it is not known.
  func end(of file: PictureBytes) -> Int? {
    switch self {
    case .jpeg: JPEGMetadata.end(of: file)
    case .png: PNGChunks.chunks(in: file).last.flatMap { $0.type == "IEND" ? $0.whole.upperBound : nil }
    case .webp: file.littleEndian(4, 4).map { 8 + $0 + $0 % 2 }
    case .ppm: PPMHeader(file)?.end
    // Many writers leave the size 0.
    case .bmp: file.littleEndian(2, 4).flatMap { $0 >= 26 ? $0 : nil }
    case .tiff, .heif, .jxl: nil
    }
  }
}
