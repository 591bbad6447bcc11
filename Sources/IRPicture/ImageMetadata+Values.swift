/// A comment, or a text of a PNG file.
package struct PictureText: Hashable, Sendable {
  /// PNG's keyword; `Comment` for the comments of other containers.
  package var keyword: String
  package var text: String
  /// PNG's tag of the language, and the keyword in it.
  package var language: String
  package var translated: String

  package init(keyword: String, text: String, language: String = "", translated: String = "") {
    self.keyword = keyword
    self.text = text
    self.language = language
    self.translated = translated
  }

  package static let comment = "Comment"
}

/// How a file stored pixels, beside their depth.
package struct PictureEncoding: Hashable, Sendable {
  package struct Size: Hashable, Sendable {
    package var width: Int
    package var height: Int

    package init(width: Int, height: Int) {
      self.width = width
      self.height = height
    }
  }

  package init() {}

  /// As the pixels stand, after turning.
  package var size: Size?
  /// Whether WebP or JPEG XL stored them without loss.
  package var isLossless = false
  /// TIFF's number of a compression.
  package var tiffCompression: Int?
  /// TIFF's numbers of the meaning of samples beside colour, alpha left out.
  package var extraSamples: [Int] = []
}

/// An image resource of Photoshop.
package struct PhotoshopResource: Hashable, Sendable {
  package var number: Int
  /// Its name as stored: a length, and so many letters, to an even count.
  package var name: [UInt8]
  package var bytes: [UInt8]

  package init(number: Int, name: [UInt8], bytes: [UInt8]) {
    self.number = number
    self.name = name
    self.bytes = bytes
  }
}

/// Data behind the picture of a JPEG file, carried as they are.
package struct JPEGAttachments: Hashable, Sendable {
  /// A name for messages.
  package var name: String
  /// All bytes behind the picture's end.
  package var bytes: [UInt8]
  /// Their offset in the file that was read.
  package var offset: Int
  /// The index of pictures (CIPA DC-007) and where its offsets count from.
  package var index: [UInt8]?
  package var indexOffset: Int
  /// The segment of ISO 21496-1 that says a gain map follows.
  package var gainMapVersion: [UInt8]?

  package init(
    name: String, bytes: [UInt8], offset: Int, index: [UInt8]? = nil, indexOffset: Int = 0,
    gainMapVersion: [UInt8]? = nil
  ) {
    self.name = name
    self.bytes = bytes
    self.offset = offset
    self.index = index
    self.indexOffset = indexOffset
    self.gainMapVersion = gainMapVersion
  }
}

/// An entry of a TIFF directory.
package struct TIFFEntry: Hashable, Sendable {
  package var type: Int
  package var count: Int
  /// The value, each number little-endian.
  package var bytes: [UInt8]

  package init(type: Int, count: Int, bytes: [UInt8]) {
    self.type = type
    self.count = count
    self.bytes = bytes
  }
}
