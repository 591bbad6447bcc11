/// The header of a PPM or PGM file (Netpbm), for the number that stands for white: libvips 8.14 takes the
/// type's largest.
struct PPMHeader {
  /// The largest value of a sample; nil for bitmaps and files of floats.
  var largest: Int?
  /// The offset behind the samples; nil if they are text or floats.
  var end: Int?

  /// Nil if it is not such a header.
  init?(_ file: PictureBytes) {
    let bytes = [UInt8](file.prefix(4096))
    guard bytes.count > 2, bytes[0] == UInt8(ascii: "P") else { return nil }
    guard "2356".utf8.contains(bytes[1]) else { return }
    var numbers: [Int] = []
    var position = 2
    while numbers.count < 3, position < bytes.count {
      if bytes[position] == UInt8(ascii: "#") {
        while position < bytes.count, bytes[position] != 10, bytes[position] != 13 { position += 1 }
      } else if (48...57).contains(bytes[position]) {
        var value = 0
        while position < bytes.count, (48...57).contains(bytes[position]), value < 1 << 32 {
          value = 10 * value + Int(bytes[position] - 48)
          position += 1
        }
        numbers.append(value)
      } else {
        position += 1
      }
    }
    guard numbers.count == 3, (1...65_535).contains(numbers[2]) else { return nil }
    largest = numbers[2]
    let bands = bytes[1] == UInt8(ascii: "6") ? 3 : 1
    if "56".utf8.contains(bytes[1]), numbers[0] < 1 << 24, numbers[1] < 1 << 24 {
      end = position + 1 + numbers[0] * numbers[1] * bands * (numbers[2] > 255 ? 2 : 1)
    }
  }
}
