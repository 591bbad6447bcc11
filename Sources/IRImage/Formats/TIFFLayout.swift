/// How the pages of a TIFF file store their pixels, as far as libvips does not say it.
struct TIFFLayout {
  /// The index of the page that is the picture.
  var page = 0
  /// Pages that are pictures: neither thumbnails nor masks.
  var pictureCount = 1

  var width = 0
  var height = 0
  var bits = 8
  /// 1 whole numbers, 2 signed ones, 3 floats.
  var sampleFormat = 1
  var samples = 1
  var photometric = 1
  var compression = 1
  var predictor = 1
  var isPlanar = false
  var fillOrder = 1
  /// How a viewer turns the pixels: 1 upright to 8.
  var orientation = 1
  /// The meaning of samples beside colour: 0 unspecified, 1 alpha that colours are multiplied by, 2 alpha.
  var extraSamples: [Int] = []

  /// Nil where the file is not TIFF or has no directory.
  init?(_ file: PictureBytes) {
    guard let reader = TIFFReader(file) else { return nil }
    let pages = reader.pages
    guard !pages.isEmpty else { return nil }
    let pictures = pages.indices.filter { index in
      let kind = reader.numbers(0x00FE, at: pages[index]).first ?? 0
      return kind & 0b101 == 0 && reader.numbers(0x00FF, at: pages[index]).first != 2
    }
    page = pictures.first ?? 0
    pictureCount = max(1, pictures.count)
    let directory = pages[page]
    func number(_ tag: Int) -> Int? { reader.numbers(tag, at: directory).first }
    width = number(0x0100) ?? 0
    height = number(0x0101) ?? 0
    bits = number(0x0102) ?? 1
    sampleFormat = number(0x0153) ?? 1
    samples = number(0x0115) ?? 1
    photometric = number(0x0106) ?? 1
    compression = number(0x0103) ?? 1
    predictor = number(0x013D) ?? 1
    isPlanar = number(0x011C) == 2
    fillOrder = number(0x010A) ?? 1
    orientation = number(0x0112).flatMap { (1...8).contains($0) ? $0 : nil } ?? 1
    extraSamples = reader.numbers(0x0152, at: directory)
  }

  /// Samples that libvips 8.14 refuses: floats of 16, 24 or 64 bits, whole numbers of 9 to 31 bits but for
  /// 16.
  var isUncommon: Bool {
    sampleFormat == 3
      ? [16, 24, 64].contains(bits) : sampleFormat == 1 && (9...31).contains(bits) && bits != 16
  }

  /// How many of so many bands are colours.
  func colourCount(bands: Int) -> Int {
    if photometric == 2, bands >= 3 { return 3 }
    return bands >= 3 && extraSamples.count <= bands - 3 ? 3 : 1
  }

  /// The meaning of each band beside the colours.
  func meanings(bands: Int) -> [Int] {
    let count = max(0, bands - colourCount(bands: bands))
    return Array((extraSamples + [Int](repeating: 0, count: count)).prefix(count))
  }
}
