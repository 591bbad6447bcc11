import CVips
import Foundation

/// TIFF pages of samples that libvips refuses: half floats, floats of 24 and 64 bits, whole numbers of 10, 12
/// or 14 bits. libtiff decompresses them as rows of bytes; the samples are taken out here.
struct UncommonTIFF {
  let layout: TIFFLayout
  let reader: TIFFReader
  private let file: PictureBytes
  private let rowsPerStrip: Int
  private let tile: (width: Int, height: Int)?
  private let offsets: [Int]
  private let counts: [Int]

  /// Compressions that give bytes, whatever the samples are.
  private static let compressions: Set<Int> = [1, 5, 8, 32_773, 32_946, 34_925, 50_000]
  private static let partLimit = 1 << 20

  enum Failure: Error { case reason(String) }

  /// - Throws: if the page is stored in a way that is not read.
  init(_ file: PictureBytes, _ layout: TIFFLayout) throws(Failure) {
    let what =
      "its samples are \(layout.sampleFormat == 3 ? "floats" : "whole numbers") of \(layout.bits) bits"
    guard let reader = TIFFReader(file), Self.compressions.contains(layout.compression),
      layout.fillOrder == 1, (1..<1 << 24).contains(layout.width), (1..<1 << 24).contains(layout.height),
      [0, 1, 2].contains(layout.photometric), (1...16).contains(layout.samples),
      (1...3).contains(layout.predictor)
    else {
      throw .reason("\(what), which are read uncompressed or with LZW, deflate, ZSTD, LZMA or PackBits only")
    }
    self.file = file
    self.layout = layout
    self.reader = reader
    let directory = reader.pages[layout.page]
    func all(_ tag: Int) -> [Int] {
      reader.entries(at: directory)?.entries.first { $0.tag == tag }.map {
        reader.numbers($0, limit: Self.partLimit)
      } ?? []
    }
    let tileWidth = all(0x0142).first ?? 0
    let height = all(0x0143).first ?? 0
    tile = tileWidth > 0 && height > 0 ? (tileWidth, height) : nil
    rowsPerStrip = tile?.height ?? min(all(0x0116).first ?? layout.height, layout.height)
    offsets = all(tile == nil ? 0x0111 : 0x0144)
    counts = all(tile == nil ? 0x0117 : 0x0145)
    guard max(tileWidth, height) < 1 << 24, !offsets.isEmpty, offsets.count == counts.count, rowsPerStrip > 0,
      file.count < Int(UInt32.max) / 2,
      offsets.allSatisfy({ $0 >= 8 && $0 < file.count })
    else { throw .reason("\(what), and its strips do not lie in the file") }
  }

  private var planes: Int { layout.isPlanar ? layout.samples : 1 }
  private var samplesPerPlane: Int { layout.isPlanar ? 1 : layout.samples }
  /// Bytes of a row of a strip or tile.
  private var rowByteCount: Int { ((tile?.width ?? layout.width) * samplesPerPlane * layout.bits + 7) / 8 }
  private var tilesAcross: Int { tile.map { (layout.width + $0.width - 1) / $0.width } ?? 1 }

  /// The picture as floats, or as whole numbers of 16 bits.
  func decoded() throws(Failure) -> VipsHandle {
    let isFloat = layout.sampleFormat == 3 || layout.bits > 16
    let count = layout.width * layout.height
    var values = [Float](repeating: 0, count: count * layout.samples)
    for plane in 0..<planes {
      let rows = try rows(ofPlane: plane)
      for y in 0..<layout.height {
        for across in 0..<tilesAcross {
          let start = (y * tilesAcross + across) * rowByteCount
          let samples = unpacked(Array(rows[start..<(start + rowByteCount)]))
          let first = across * (tile?.width ?? 0)
          let width = min(tile?.width ?? layout.width, layout.width - first)
          for x in 0..<width {
            for sample in 0..<samplesPerPlane {
              let position = (y * layout.width + first + x) * layout.samples + plane + sample
              values[position] = samples[x * samplesPerPlane + sample]
            }
          }
        }
      }
    }
    if layout.photometric == 0 { values = values.map { 1 - $0 } }
    let isColour = layout.colourCount(bands: layout.samples) == 3
    let image: UnsafeMutablePointer<VipsImage>? =
      isFloat
      ? values.withUnsafeBytes { copied($0, VIPS_FORMAT_FLOAT) }
      : values.map { UInt16(min(max(($0 * 65_535).rounded(), 0), 65_535)) }
        .withUnsafeBytes { copied($0, VIPS_FORMAT_USHORT) }
    let space =
      isFloat
      ? (isColour ? VIPS_INTERPRETATION_scRGB : VIPS_INTERPRETATION_B_W)
      : (isColour ? VIPS_INTERPRETATION_RGB16 : VIPS_INTERPRETATION_GREY16)
    guard let image, let result = VipsHandle(image).derived({ ir_vips_with_interpretation($0, $1, space) })
    else {
      throw .reason(Vips.takeError())
    }
    return result
  }

  private func copied(_ bytes: UnsafeRawBufferPointer, _ format: VipsBandFormat) -> UnsafeMutablePointer<
    VipsImage
  >? {
    vips_image_new_from_memory_copy(
      bytes.baseAddress, bytes.count, Int32(layout.width), Int32(layout.height), Int32(layout.samples), format
    )
  }

  /// The decompressed bytes of a plane, row by row, those of tiles beside each other: as a grey picture of 8
  /// bits, by a directory of its own.
  private func rows(ofPlane plane: Int) throws(Failure) -> [UInt8] {
    let perPlane = offsets.count / planes
    let range = (plane * perPlane)..<((plane + 1) * perPlane)
    let width = rowByteCount * tilesAcross
    func longs(_ values: [Int]) -> TIFFDirectory.Entry {
      TIFFDirectory.Entry(type: 4, count: values.count, bytes: values.flatMap { littleEndianBytes($0, 4) })
    }
    var made = TIFFDirectory()
    made.entries = [
      0x0100: longs([width]), 0x0101: longs([layout.height]), 0x0102: longs([8]),
      0x0103: longs([layout.compression]),
      0x0106: longs([1]), 0x0115: longs([1]),
    ]
    for tag in [0x0102, 0x0103, 0x0106, 0x0115] { made.set(tag, shorts: made.numbers(tag)) }
    if let tile {
      made.entries[0x0142] = longs([rowByteCount])
      made.entries[0x0143] = longs([tile.height])
    } else {
      made.entries[0x0116] = longs([rowsPerStrip])
    }
    made.entries[tile == nil ? 0x0111 : 0x0144] = longs(Array(offsets[range]))
    made.entries[tile == nil ? 0x0117 : 0x0145] = longs(Array(counts[range]))
    var data = file.prefix(file.count)
    if data.count % 2 == 1 { data.append(0) }
    let end = data.count
    data.replaceSubrange(0..<8, with: [0x49, 0x49, 42, 0] + littleEndianBytes(end, 4))
    data.append(contentsOf: made.serialized(at: end, isLittleEndian: true))
    let owned = NSData(data: data)
    defer { withExtendedLifetime(owned) {} }
    guard
      let image = ir_vips_open_bytes("tiffload_buffer", owned.bytes, owned.length, 0, VIPS_FAIL_ON_TRUNCATED)
    else {
      throw .reason(Vips.takeError())
    }
    let handle = VipsHandle(image)
    defer { withExtendedLifetime(handle) {} }
    var byteCount = 0
    guard let memory = vips_image_write_to_memory(image, &byteCount) else { throw .reason(Vips.takeError()) }
    defer { g_free(memory) }
    guard byteCount == width * layout.height else {
      throw .reason("its strips hold \(byteCount) bytes instead of \(width * layout.height)")
    }
    return [UInt8](UnsafeRawBufferPointer(start: memory, count: byteCount))
  }

  /// The samples of a row, whole numbers as parts of white.
  private func unpacked(_ row: [UInt8]) -> [Float] {
    let bits = layout.bits
    let count = row.count * 8 / bits
    guard bits % 8 == 0 else {
      let white = Float((1 << bits) - 1)
      var result = [Float](repeating: 0, count: count)
      var (position, sums) = (0, [Int](repeating: 0, count: samplesPerPlane))
      for index in 0..<count {
        var value = 0
        for bit in position..<(position + bits) {
          value = value << 1 | Int(row[bit >> 3] >> (7 - bit & 7) & 1)
        }
        position += bits
        if layout.predictor == 2 {
          value = (value + sums[index % samplesPerPlane]) & ((1 << bits) - 1)
          sums[index % samplesPerPlane] = value
        }
        result[index] = Float(value) / white
      }
      return result
    }
    let size = bits / 8
    var row = row
    var isLittle = reader.isLittleEndian
    if layout.predictor == 3 {
      for index in samplesPerPlane..<max(samplesPerPlane, row.count) {
        row[index] &+= row[index - samplesPerPlane]
      }
      // The bytes of all samples from the first, of highest value, to the last.
      let planes = row
      for index in 0..<count {
        for byte in 0..<size { row[index * size + byte] = planes[byte * count + index] }
      }
      isLittle = false
    }
    var sums = [UInt64](repeating: 0, count: samplesPerPlane)
    let mask = bits == 64 ? UInt64.max : (1 << UInt64(bits)) - 1
    return (0..<count).map { index in
      let field = row[(index * size)..<((index + 1) * size)]
      var value = (isLittle ? Array(field.reversed()) : Array(field)).reduce(UInt64(0)) {
        $0 << 8 | UInt64($1)
      }
      if layout.predictor == 2 {
        value = (value &+ sums[index % samplesPerPlane]) & mask
        sums[index % samplesPerPlane] = value
      }
      return Self.number(value, bits: bits, isFloat: layout.sampleFormat == 3)
    }
  }

  /// A sample's number by its bits.
  static func number(_ value: UInt64, bits: Int, isFloat: Bool) -> Float {
    guard isFloat else { return Float(Double(value) / Double((1 << UInt64(bits)) - 1)) }
    switch bits {
    case 16: return Float(Float16(bitPattern: UInt16(truncatingIfNeeded: value)))
    case 24:
      // 1 sign, 7 of exponent with bias 63, 16 of fraction.
      let sign = value >> 23 & 1, exponent = Int(value >> 16 & 0x7F),
        fraction = Float(value & 0xFFFF) / 65_536
      let magnitude: Float =
        switch exponent {
        case 0: Float(sign: .plus, exponent: -62, significand: fraction)
        case 0x7F: fraction == 0 ? .infinity : .nan
        default: Float(sign: .plus, exponent: exponent - 63, significand: 1 + fraction)
        }
      return sign == 1 ? -magnitude : magnitude
    default: return Float(Double(bitPattern: value))
    }
  }
}
