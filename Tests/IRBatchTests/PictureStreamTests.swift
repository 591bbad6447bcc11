import Foundation
import IRTestSupport
import Testing

@testable import IRBatch

/// The pictures that a stream is divided into, and the refusal that ends it.
private func divided(_ bytes: [UInt8], limit: Int = 1 << 20) throws -> (pictures: [Data], refusal: String?) {
  try withByteStream(bytes) { descriptor in
    let splitter = PictureSplitter(descriptor, first: [], limit: limit)
    var pictures: [Data] = []
    do { while let next = try splitter.next() { pictures.append(next) } } catch {
      return (pictures, "\(error)")
    }
    return (pictures, nil)
  }
}

/// A PNG as far as its chunks go: `count` bytes of data.
private func png(_ count: Int) -> [UInt8] {
  func chunk(_ kind: String, _ data: [UInt8]) -> [UInt8] {
    (0..<4).map { UInt8(truncatingIfNeeded: data.count >> (24 - 8 * $0)) } + Array(kind.utf8) + data + [
      0, 0, 0, 0,
    ]
  }
  // The data hold words that end a PNG elsewhere.
  let data = (0..<count).map { Array("IEND".utf8)[$0 % 4] }
  return [0x89, 0x50, 0x4E, 0x47, 13, 10, 26, 10] + chunk("IHDR", [UInt8](repeating: 1, count: 13))
    + chunk("IDAT", data) + chunk("IEND", [])
}

private func pnm(_ header: String, _ count: Int) -> [UInt8] {
  Array(header.utf8) + (0..<count).map { UInt8(truncatingIfNeeded: 80 + $0) }
}

@Suite struct PictureStreamTests {
  @Test func picturesOfEveryKindAreDivided() throws {
    let parts = [
      png(5000), png(0), pnm("P6 3 2 255\n", 18), pnm("P5\n# a comment 9 9\n7\t1\n65535\n", 14), png(1),
      pnm("P6\n100 100\n1023\n", 60000),
    ]
    let (pictures, refusal) = try divided(parts.flatMap { $0 })
    #expect(refusal == nil && pictures == parts.map { Data($0) })
  }

  @Test func nothingIsNoPicture() throws { #expect(try divided([]).pictures.isEmpty) }

  /// The reader of pictures says what is wrong with the first one, which has all bytes.
  @Test(arguments: [
    Array(png(100).dropLast(1)), Array(png(100).prefix(30)), pnm("P6 9 9 255\n", 17), pnm("P6 x 9 255\n", 17),
    pnm("P6 99999999999999999999 9 255\n", 17), pnm("P6 9 9 70000\n", 17),
    pnm("P6 999999999 999999999 255\n", 17), Array("P6 ".utf8),
    png(3).prefix(8) + [255, 255, 255, 255] + png(9),
  ]) func aFirstPictureThatIsWrongIsGivenWhole(bytes: [UInt8]) throws {
    let (pictures, refusal) = try divided(bytes)
    #expect(refusal == nil && pictures == [Data(bytes)])
  }

  @Test(arguments: [1, 8, 20, 5000]) func aCutIsSaid(left: Int) throws {
    let whole = png(5000)
    let (pictures, refusal) = try divided(whole + whole + whole.prefix(left))
    #expect(pictures == [Data(whole), Data(whole)])
    #expect(try #require(refusal).contains("cut behind picture 2"))
  }

  @Test func somethingElseBehindPicturesIsSaid() throws {
    let (pictures, refusal) = try divided(png(5) + png(6) + Array("no picture at all".utf8))
    #expect(pictures.count == 2 && refusal?.contains("no picture follows behind picture 2") == true)
  }

  /// One picture with something behind it is a file as cameras and editors write them.
  @Test func somethingBehindOnePictureIsLeftOut() throws {
    let (pictures, refusal) = try divided(png(5) + Array("no picture at all, and some more".utf8))
    #expect(pictures == [Data(png(5))] && refusal == nil)
    // A picture of another kind is none of the stream, and not left out.
    let mixed = try divided(png(5) + [0xFF, 0xD8, 0xFF, 0xE0] + [UInt8](repeating: 0, count: 40))
    #expect(mixed.pictures == [Data(png(5))] && mixed.refusal?.contains("another picture follows") == true)
    let endless = try divided(png(5) + Array(repeating: UInt8(ascii: "x"), count: 5000), limit: 4000)
    #expect(endless.refusal?.contains("more than") == true)
  }

  @Test func aPictureHasALimit() throws {
    for bytes in [
      png(5000), pnm("P6 40 40 255\n", 4800), pnm("P6 40000 40000 255\n", 5000), pnm("P6 x", 5000),
    ] {
      let (pictures, refusal) = try divided(bytes, limit: 4000)
      #expect(pictures.isEmpty && refusal?.contains("more than") == true)
    }
    // The limit is that of one picture.
    #expect(try divided(png(3000) + png(3000), limit: 4000).pictures.count == 2)
  }
}
