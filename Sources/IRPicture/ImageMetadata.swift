/// The metadata of an image file. IRImage reads and writes them with code of its own for each container.
public struct ImageMetadata: Sendable, Hashable {
  /// An ICC profile.
  public package(set) var iccProfile: [UInt8]?
  /// EXIF: a TIFF that begins with its order of bytes.
  public package(set) var exif: [UInt8]?
  /// XMP: a packet of XML in UTF-8. Of a JPEG file the first one.
  public package(set) var xmp: [UInt8]?
  /// The packet that a JPEG file continues XMP in, and the digest that the first one calls it by.
  package var extendedXMP: ExtendedXMP?
  /// IPTC: the records of the Information Interchange Model.
  public package(set) var iptc: [UInt8]?
  /// Image resources of Photoshop, but for what is stated elsewhere and for thumbnails.
  package var photoshop: [PhotoshopResource] = []
  /// The container's statement of the size on paper; EXIF may repeat it.
  public package(set) var resolution: Resolution?
  /// Comments, and PNG's texts, by their keywords.
  package var texts: [PictureText] = []
  /// The container's statement of colours without a profile.
  package var colours = ColourStatement()
  /// Tags of a TIFF file that EXIF has no place for.
  package var tags: [Int: TIFFEntry] = [:]
  /// Data behind the picture of a JPEG file: a gain map, a video, more pictures.
  package var attachments: JPEGAttachments?
  /// Names of statements that no writer carries.
  package var uncarried: Set<String> = []
  /// How the file stored its pixels, beside their depth.
  package var encoding = PictureEncoding()

  /// No metadata.
  public init() {}

  package struct ExtendedXMP: Hashable, Sendable {
    /// 32 hexadecimal digits.
    package var digest: [UInt8]
    package var bytes: [UInt8]

    package init(digest: [UInt8], bytes: [UInt8]) {
      self.digest = digest
      self.bytes = bytes
    }
  }
}
