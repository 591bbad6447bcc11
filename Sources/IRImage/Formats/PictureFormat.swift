/// The format of a file by its first bytes. The decoder is chosen here and not by libvips, which would show
/// the bytes of strangers to every decoder that it was built with until one claims them, ImageMagick's among
/// them.
enum PictureFormat: CaseIterable {
  case jpeg, png, tiff, webp, heif, jxl, ppm, bmp

  /// The bytes of a file that are looked at.
  static let byteCount = 12

  /// nil if no format begins so.
  init?(firstBytes: some Collection<UInt8>) {
    let bytes = Array(firstBytes.prefix(Self.byteCount))
    func reads(_ text: String, at offset: Int = 0) -> Bool { bytes.dropFirst(offset).starts(with: text.utf8) }
    switch bytes.first {
    case 0xFF where bytes.starts(with: [0xFF, 0xD8, 0xFF]): self = .jpeg
    case 0x89 where bytes.starts(with: [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]): self = .png
    case UInt8(ascii: "I") where bytes.starts(with: [0x49, 0x49, 42, 0]): self = .tiff
    case UInt8(ascii: "I") where bytes.starts(with: [0x49, 0x49, 43, 0]): self = .tiff
    case UInt8(ascii: "M") where bytes.starts(with: [0x4D, 0x4D, 0, 42]): self = .tiff
    case UInt8(ascii: "M") where bytes.starts(with: [0x4D, 0x4D, 0, 43]): self = .tiff
    case UInt8(ascii: "R") where reads("RIFF") && reads("WEBP", at: 8): self = .webp
    case UInt8(ascii: "P") where bytes.count > 1 && "123456Ff".utf8.contains(bytes[1]): self = .ppm
    case 0xFF where bytes.starts(with: [0xFF, 0x0A]): self = .jxl
    case 0 where bytes.starts(with: [0, 0, 0, 12]) && reads("JXL ", at: 4): self = .jxl
    case UInt8(ascii: "B") where reads("BM"): self = .bmp
    case _ where reads("ftyp", at: 4) && Self.brands.contains { reads($0, at: 8) }: self = .heif
    default: return nil
    }
  }

  /// The brands of still pictures in ISO base media files: HEIC, AVIF, and files of either.
  private static let brands = [
    "heic", "heix", "hevc", "hevx", "heim", "heis", "hevm", "hevs", "mif1", "msf1", "avif", "avis",
  ]

  /// The names of formats, for messages.
  static let names = "JPEG, PNG, TIFF, WebP, HEIF, AVIF, JPEG XL, BMP or PPM"

  /// The format of an extension; nil if it cannot be written.
  init?(writing suffix: String) {
    switch suffix.lowercased() {
    case "png": self = .png
    case "jpg", "jpeg", "jpe", "jfif": self = .jpeg
    case "tif", "tiff": self = .tiff
    case "webp": self = .webp
    case "avif", "heic", "heif": self = .heif
    case "jxl": self = .jxl
    case "ppm", "pgm": self = .ppm
    default: return nil
    }
  }

  /// The usual extension of its files.
  func suffix(firstBytes: some Collection<UInt8>) -> String {
    switch self {
    case .jpeg: "jpg"
    case .png: "png"
    case .tiff: "tif"
    case .webp: "webp"
    case .heif: firstBytes.dropFirst(8).starts(with: "avi".utf8) ? "avif" : "heic"
    case .jxl: "jxl"
    case .ppm: firstBytes.dropFirst().first.map { "25".utf8.contains($0) } == true ? "pgm" : "ppm"
    case .bmp: "bmp"
    }
  }

  /// libvips' operation that reads a file of this format; BMP is read by own code.
  var fileLoader: String {
    switch self {
    case .jpeg: "jpegload"
    case .png: "pngload"
    case .tiff: "tiffload"
    case .webp: "webpload"
    case .heif: "heifload"
    case .jxl: "jxlload"
    case .ppm, .bmp: "ppmload"
    }
  }

  /// The same, from bytes.
  var bytesLoader: String { fileLoader + "_buffer" }
}
