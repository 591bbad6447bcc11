import CVips
import Foundation
import IRTensor

/// BMP files: pixels of 1, 4, 8, 16, 24 and 32 bits, uncompressed, with bit fields, or in runs. libvips reads
/// them through ImageMagick only, which stays shut.
struct BMP {
  private(set) var width = 0
  private(set) var height = 0
  private(set) var resolution: Resolution?
  private var isTopDown = false
  private var bits = 0
  private var start = 0
  private var palette: [[UInt8]] = []
  /// Shift and width of red, green, blue and alpha.
  private var fields: [(shift: Int, bits: Int)] = []
  private var isInRuns = false
  private let file: PictureBytes

  enum Failure: Error { case reason(String) }

  var hasAlpha: Bool { fields.count == 4 }
  var bandCount: Int { hasAlpha ? 4 : 3 }
  private var rowByteCount: Int { (width * bits + 31) / 32 * 4 }

  /// Reads the headers.
  /// - Throws: if they are damaged or state a form that is not read.
  init(_ file: PictureBytes) throws(Failure) {
    self.file = file
    guard let start = file.littleEndian(10, 4), let headerSize = file.littleEndian(14, 4) else {
      throw .reason("its header is cut short")
    }
    self.start = start
    var compression = 0
    var colourCount = 0
    if headerSize == 12 {
      width = file.littleEndian(18, 2) ?? 0
      height = file.littleEndian(20, 2) ?? 0
      bits = file.littleEndian(24, 2) ?? 0
    } else {
      guard headerSize >= 40, let high = file.littleEndian(22, 4), let across = file.littleEndian(38, 4),
        let down = file.littleEndian(42, 4)
      else { throw .reason("its header has \(headerSize) bytes, which no known one has") }
      width = file.littleEndian(18, 4) ?? 0
      isTopDown = high >= 1 << 31
      height = isTopDown ? (1 << 32) - high : high
      bits = file.littleEndian(28, 2) ?? 0
      compression = file.littleEndian(30, 4) ?? 0
      colourCount = file.littleEndian(46, 4) ?? 0
      if across > 0, down > 0 { resolution = Resolution(perMetre: across, down) }
    }
    guard width > 0, height > 0, width < 1 << 24, height < 1 << 24 else {
      throw .reason("it states \(width)×\(height) pixels")
    }
    isInRuns = compression == 1 && bits == 8 || compression == 2 && bits == 4
    guard [1, 4, 8, 16, 24, 32].contains(bits), isInRuns || [0, 3, 6].contains(compression) else {
      throw .reason("its pixels of \(bits) bits are compressed by method \(compression), which is not read")
    }
    if bits <= 8 {
      let size = headerSize == 12 ? 3 : 4
      let count = colourCount == 0 ? 1 << bits : min(colourCount, 1 << bits)
      for index in 0..<count {
        guard let colour = file.bytes(14 + headerSize + size * index, 3) else {
          throw .reason("its palette is cut short")
        }
        palette.append(colour.reversed())
      }
    } else if bits != 24 {
      var masks = bits == 16 ? [0x7C00, 0x3E0, 0x1F] : [0xFF0000, 0xFF00, 0xFF]
      if compression != 0 {
        masks = (0..<(compression == 6 || headerSize >= 56 ? 4 : 3)).compactMap {
          file.littleEndian(54 + 4 * $0, 4)
        }
        if masks.count > 3, masks[3] == 0 { masks.removeLast() }
      }
      fields = masks.map { (shift: $0 == 0 ? 0 : $0.trailingZeroBitCount, bits: $0.nonzeroBitCount) }
      guard fields.count >= 3 else { throw .reason("its bit fields are cut short") }
    }
    guard start >= 26, isInRuns || rowByteCount * height <= file.count - start else {
      throw .reason(
        "its pixels take \(rowByteCount * height) bytes, of which \(max(0, file.count - start)) are there")
    }
  }

  /// The picture: 8 bits, red, green, blue, and alpha where the file has it.
  func decoded() throws(Failure) -> VipsHandle {
    var samples = [UInt8](repeating: 255, count: width * height * bandCount)
    let runs = isInRuns ? try runRows() : nil
    for row in 0..<height {
      let place = rowByteCount * (isTopDown ? row : height - 1 - row)
      let stored = runs.map { Array($0[place..<(place + rowByteCount)]) }
      guard let line = stored ?? file.bytes(start + place, rowByteCount) else {
        throw .reason("it ends within row \(row)")
      }
      for column in 0..<width {
        let target = (row * width + column) * bandCount
        switch bits {
        case 24: for band in 0..<3 { samples[target + band] = line[3 * column + 2 - band] }
        case 16, 32:
          let size = bits / 8
          let value = line[(size * column)..<(size * (column + 1))].reversed().reduce(0) { $0 << 8 | Int($1) }
          for (band, field) in fields.enumerated() where field.bits > 0 {
            let largest = (1 << field.bits) - 1
            samples[target + band] = UInt8(((value >> field.shift & largest) * 255 + largest / 2) / largest)
          }
        default:
          let bit = column * bits
          let index = Int(line[bit / 8] >> (8 - bits - bit % 8)) & ((1 << bits) - 1)
          let colour = palette.indices.contains(index) ? palette[index] : [0, 0, 0]
          for band in 0..<3 { samples[target + band] = colour[band] }
        }
      }
    }
    let image = samples.withUnsafeBytes { bytes in
      vips_image_new_from_memory_copy(
        bytes.baseAddress, bytes.count, Int32(width), Int32(height), Int32(bandCount), VIPS_FORMAT_UCHAR)
    }
    guard let image,
      let result = VipsHandle(image).derived({ ir_vips_with_interpretation($0, $1, VIPS_INTERPRETATION_sRGB) }
      )
    else { throw .reason(Vips.takeError()) }
    return result
  }

  /// The rows as they would be stored uncompressed, from runs of one number, numbers as they are, and steps.
  private func runRows() throws(Failure) -> [UInt8] {
    let source = [UInt8](file.prefix(file.count - start, at: start))
    var result = [UInt8](repeating: 0, count: rowByteCount * height)
    var (position, x, y) = (0, 0, 0)
    func set(_ value: UInt8) {
      defer { x += 1 }
      guard x < width, y < height else { return }
      let place = y * rowByteCount + x * bits / 8
      if bits == 8 { result[place] = value } else { result[place] |= x % 2 == 0 ? value << 4 : value & 15 }
    }
    /// The number at an index of a run, of which 2 share a byte where they have 4 bits.
    func number(_ index: Int, _ bytes: ArraySlice<UInt8>) -> UInt8 {
      if bits == 8 { return bytes[bytes.startIndex + index] }
      let byte = bytes[bytes.startIndex + index / 2]
      return index % 2 == 0 ? byte >> 4 : byte & 15
    }
    while position + 2 <= source.count, y < height {
      let (count, value) = (Int(source[position]), source[position + 1])
      position += 2
      if count > 0 {
        for index in 0..<count { set(bits == 8 ? value : index % 2 == 0 ? value >> 4 : value & 15) }
        continue
      }
      switch value {
      case 0: (x, y) = (0, y + 1)
      case 1: return result
      case 2:
        guard position + 2 <= source.count else { break }
        (x, y) = (x + Int(source[position]), y + Int(source[position + 1]))
        position += 2
      default:
        let byteCount = (Int(value) * bits + 7) / 8
        guard position + byteCount <= source.count else { throw .reason("it ends within a run") }
        let numbers = source[position..<(position + byteCount)]
        for index in 0..<Int(value) { set(number(index, numbers)) }
        position += byteCount.roundedUp(toMultipleOf: 2)
      }
    }
    guard y >= height else { throw .reason("it ends within row \(y) of its runs") }
    return result
  }
}
