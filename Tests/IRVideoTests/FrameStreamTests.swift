import Foundation
import IRTestSupport
import Testing

@testable import IRVideo

private func frames(_ text: String) throws -> Int {
  try withByteStream(Array(text.utf8)) { descriptor in
    let reader = try FrameReader(descriptor)
    while try reader.next() != nil {}
    return reader.count
  }
}

@Suite struct FrameStreamTests {
  @Test func aStreamIsWrittenAsItWasRead() throws {
    let header = "YUV4MPEG2 W6 H4 F30000:1001 Ip A1:1 C420mpeg2 XYSCSS=420MPEG2 XCOLORRANGE=FULL"
    var bytes = Array("\(header)\n".utf8)
    for index in 0..<40 {
      bytes += Array("FRAME Ip Xn=\(index)\n".utf8) + [UInt8](repeating: UInt8(index), count: 36)
    }
    var written: [UInt8] = []
    let count = try withByteStream(bytes) { descriptor in
      let reader = try FrameReader(descriptor)
      let writer = try FrameWriter(reader.stream) { written += $0 }
      while let frame = try reader.next() { try writer.write(frame) }
      return writer.count
    }
    #expect(count == 40 && written == bytes)
  }

  @Test func theHeaderIsUnderstood() throws {
    let plain = try Y4MHeader("YUV4MPEG2 W1920 H1080 F25:1").coding
    #expect(plain.chroma == ChromaGrid(.between, .between) && plain.bits == 8 && plain.matrix == .bt709)
    #expect(!plain.isFullRange && plain.byteCount == 1920 * 1080 * 3 / 2)
    let deep = try Y4MHeader("YUV4MPEG2 H480 W640 C422p10 XCOLORRANGE=FULL").coding
    #expect(deep.bits == 10 && deep.isFullRange && deep.matrix == .bt601 && deep.byteCount == 640 * 480 * 4)
    #expect(try Y4MHeader("YUV4MPEG2 W3 H3 Cmono12").coding.byteCount == 18)
    #expect(try Y4MHeader("YUV4MPEG2 W3 H3 C420").coding.byteCount == 9 + 2 * 4)
    #expect(try Y4MHeader("YUV4MPEG2 W4 H4 C444", matrix: .bt709).coding.matrix == .bt709)
    #expect(try Y4MHeader("YUV4MPEG2 W4 H2 C420jpeg").enlarged(by: 3).text == "YUV4MPEG2 W12 H6 C420jpeg")
  }

  @Test(arguments: [
    "", "P6\n3 3", "YUV4MPEG2 W4\n", "YUV4MPEG2 W0 H4\n", "YUV4MPEG2 W99999999999999999999 H1\n",
    "YUV4MPEG2 W65500 H65500\n", "YUV4MPEG2 W4 H4 C411\n", "YUV4MPEG2 W4 H4 C420p17\n",
    "YUV4MPEG2 W4 H4 C444alpha\n",
    "YUV4MPEG2 W4 H4 It\n", "YUV4MPEG2 W-4 H4\n", "YUV4MPEG2 W4 H4",
    "YUV4MPEG2 " + String(repeating: "X", count: 9000) + "\n",
  ]) func otherStreamsAreRefused(text: String) {
    let error = #expect(throws: VideoError.self) { try frames(text) }
    if case .header = error {} else { Issue.record("\(String(describing: error))") }
  }

  /// A cut is said with the frames before it, which are whole.
  @Test(arguments: [
    ("FRAME\n" + String(repeating: "a", count: 16) + "FRAME\nabc", 1), ("FRA", 0), ("NOISE\nabc", 0),
    ("FRAME\n", 0),
    ("FRAMES\n" + String(repeating: "a", count: 16), 0), ("FRAME " + String(repeating: "x", count: 9000), 0),
  ]) func cutsAreSaid(text: String, count: Int) {
    let error = #expect(throws: VideoError.self) { try frames("YUV4MPEG2 W4 H4 Cmono\n" + text) }
    guard case .cut(let found, _) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(found == count)
  }

  /// A stream that claims large frames and ends has taken no more than it brought.
  @Test func claimsAreNotAllocated() throws {
    let error = #expect(throws: VideoError.self) { try frames("YUV4MPEG2 W20000 H20000 C444p16\nFRAME\nabc") }
    if case .cut(0, let detail) = error {
      #expect(detail.contains("3 of 2400000000"))
    } else {
      Issue.record("no cut")
    }
  }
}
