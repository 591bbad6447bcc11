import IRPicture

/// The first line of a YUV4MPEG2 stream.
package struct Y4MHeader: Hashable, Sendable {
  package static let magic = "YUV4MPEG2"
  /// Bytes of a line of the stream.
  package static let lineLimit = 4096

  package var coding: YCbCr
  /// The words of the line that say nothing of sides: frame rate, shape of pixels, sampling, comments.
  package var words: [Substring]

  /// `matrix` is the colours' where somebody knows; a stream does not say.
  /// - Throws: `VideoError.header` for streams that are none, interlaced, or of a kind that is not known.
  package init(_ line: String, matrix: YCbCr.Matrix? = nil) throws(VideoError) {
    let all = line.split(separator: " ", omittingEmptySubsequences: true)
    guard all.first == Self.magic[...] else {
      throw .header("its first line does not begin with \(Self.magic)")
    }
    var (width, height): (Int?, Int?) = (nil, nil)
    var (sampling, isFull) = ("420", false)
    words = []
    for word in all.dropFirst() {
      let value = word.dropFirst()
      switch word.first {
      case "W": width = Int(value)
      case "H": height = Int(value)
      case "I" where !["p", "?"].contains(value):
        throw .header("its frames are interlaced (\(word)): deinterlace them first")
      case "C": sampling = String(value)
      case "X" where value.hasPrefix("COLORRANGE="):
        isFull = value == "COLORRANGE=FULL"
      default: break
      }
      if word.first != "W", word.first != "H" { words.append(word) }
    }
    guard let width, let height, (1...PixelBuffer.sideLimit).contains(width),
      (1...PixelBuffer.sideLimit).contains(height), width * height <= PixelBuffer.pixelLimit
    else {
      throw .header(
        "its sides are missing or beyond 1 to \(PixelBuffer.sideLimit), or its pixels beyond "
          + "\(PixelBuffer.pixelLimit)")
    }
    guard let (chroma, bits) = Self.sampling(sampling) else {
      throw .header("its sampling C\(sampling) is not known: 420, 422, 444 and mono of 8 to 16 bits are")
    }
    coding = YCbCr(
      width: width, height: height, chroma: chroma, bits: bits,
      matrix: matrix ?? .usual(width: width, height: height), isFullRange: isFull)
  }

  /// The places of chroma and the bits that a name of a sampling says: `420mpeg2`, `422p10`, `mono12`.
  private static func sampling(_ name: String) -> (chroma: ChromaGrid?, bits: Int)? {
    let sites: [(name: String, grid: ChromaGrid?)] = [
      ("420jpeg", ChromaGrid(.between, .between)), ("420mpeg2", ChromaGrid(.onFirst, .between)),
      ("420paldv", ChromaGrid(.onFirst, .onFirst)), ("420", ChromaGrid(.between, .between)),
      ("422", ChromaGrid(.onFirst, .everywhere)), ("444", ChromaGrid(.everywhere, .everywhere)),
      ("mono", nil),
    ]
    for (start, grid) in sites where name.hasPrefix(start) {
      let rest = name.dropFirst(start.count)
      if rest.isEmpty { return (grid, 8) }
      let digits = start == "mono" ? rest : rest.hasPrefix("p") ? rest.dropFirst() : ""
      guard let bits = Int(digits), (9...16).contains(bits) else { continue }
      return (start == "420" ? ChromaGrid(.onFirst, .between) : grid, bits)
    }
    return nil
  }

  /// The line for frames of the sides of `coding`, without its end.
  package var text: String {
    ([Self.magic[...], "W\(coding.width)", "H\(coding.height)"] + words).joined(separator: " ")
  }

  package func enlarged(by scale: Int) -> Y4MHeader {
    var result = self
    result.coding = coding.enlarged(by: scale)
    return result
  }
}
