import Foundation
import IRDegradation
import IRImage
import Synchronization

/// Photographs of a folder, decoded when first needed and kept while there is room.
package final class ImageSet: Sendable {
  /// In order of names.
  package let paths: [String]
  package let channelCount: Int
  private let byteCountLimit: Int
  private let kept = Mutex<(pictures: [Int: Picture], byteCount: Int)>(([:], 0))

  /// The samples of a decoded picture: 8 bits if the file had no more.
  private enum Samples: Sendable {
    case bytes([UInt8])
    case floats([Float])
  }
  private struct Picture: Sendable {
    var width: Int
    var height: Int
    var samples: Samples

    var byteCount: Int {
      switch samples {
      case .bytes(let bytes): bytes.count
      case .floats(let floats): floats.count * 4
      }
    }
  }

  /// - Parameters:
  ///   - paths: the files.
  ///   - channelCount: 3 makes grey pictures colour, 1 makes colour grey (BT.601).
  ///   - byteCountLimit: what decoded pictures may take.
  /// - Throws: `TrainingError.data` if there is no picture.
  package init(
    paths: [String], channelCount: Int, byteCountLimit: Int = 1 << 30
  ) throws(TrainingError) {
    guard !paths.isEmpty else { throw .data(detail: "there are no pictures") }
    self.paths = paths
    self.channelCount = channelCount
    self.byteCountLimit = byteCountLimit
  }

  /// The pictures of a folder and of those below it, in order of names.
  /// - Throws: `TrainingError.data` if there are none.
  package static func images(in folder: String) throws(TrainingError) -> [String] {
    guard let found = PhotographFolder.pictures(in: folder) else {
      throw .data(detail: "\(folder): no such folder")
    }
    guard !found.isEmpty else { throw .data(detail: "\(folder): no pictures in this folder") }
    return found
  }

  /// The files of two folders that have the same names but for their extensions, or those that match two
  /// patterns with one `*` each in the file's name, which stands for the same text in both.
  /// - Throws: `TrainingError.data` naming a file without its other.
  package static func pairs(
    _ low: String, _ high: String
  ) throws(TrainingError) -> (low: [String], high: [String]) {
    let (lows, highs) = (try byStem(low), try byStem(high))
    for (stem, path) in lows.sorted(by: { $0.key < $1.key }) where highs[stem] == nil {
      throw .data(detail: "\(path): \(high) has no picture of this name")
    }
    let stems = lows.keys.sorted()
    return (stems.compactMap { lows[$0] }, stems.compactMap { highs[$0] })
  }

  /// The pictures of a folder by their names without extensions, or of a pattern by the text of its `*`.
  private static func byStem(_ source: String) throws(TrainingError) -> [String: String] {
    let (folder, pattern) = (
      (source as NSString).deletingLastPathComponent, (source as NSString).lastPathComponent
    )
    let parts = pattern.components(separatedBy: "*")
    guard parts.count > 1 else {
      return Dictionary(
        try images(in: source).map {
          (String(($0 as NSString).deletingPathExtension.dropFirst(source.count)), $0)
        },
        uniquingKeysWith: { first, _ in first })
    }
    guard parts.count == 2, !folder.contains("*") else {
      throw .data(detail: "\(source): a pattern has one *, in the file's name")
    }
    var found: [String: String] = [:]
    for path in try images(in: folder.isEmpty ? "." : folder) {
      let name = (path as NSString).lastPathComponent
      guard name.utf8.count >= parts[0].utf8.count + parts[1].utf8.count, name.hasPrefix(parts[0]),
        name.hasSuffix(parts[1]),
        (path as NSString).deletingLastPathComponent == (folder.isEmpty ? "." : folder)
      else { continue }
      found[String(name.dropFirst(parts[0].count).dropLast(parts[1].count))] = path
    }
    guard !found.isEmpty else { throw .data(detail: "\(source): no pictures match this pattern") }
    return found
  }

  /// The size of a picture.
  package func size(of index: Int) throws(TrainingError) -> (width: Int, height: Int) {
    let picture = try picture(index)
    return (picture.width, picture.height)
  }

  /// A part of a picture.
  /// - Precondition: it lies inside.
  package func crop(_ index: Int, left: Int, top: Int, width: Int, height: Int) throws(TrainingError) -> Image
  {
    let picture = try picture(index)
    precondition(left >= 0 && top >= 0 && left + width <= picture.width && top + height <= picture.height)
    var pixels: [Float] = []
    pixels.reserveCapacity(channelCount * width * height)
    for channel in 0..<channelCount {
      for y in top..<(top + height) {
        let start = (channel * picture.height + y) * picture.width + left
        switch picture.samples {
        case .bytes(let bytes):
          for x in start..<(start + width) { pixels.append(Float(bytes[x]) * (1 / 255)) }
        case .floats(let floats): pixels += floats[start..<(start + width)]
        }
      }
    }
    return Image(width: width, height: height, channelCount: channelCount, pixels: pixels)
  }

  private func picture(_ index: Int) throws(TrainingError) -> Picture {
    if let known = kept.withLock({ $0.pictures[index] }) { return known }
    let image: Image
    do { image = try ImageFile.read(paths[index]) } catch { throw .data(detail: "\(error)") }
    let fitted = image.with(channelCount: channelCount)
    let samples: Samples =
      image.sampleFormat == .uint8 && image.channelCount == fitted.channelCount
      ? .bytes(fitted.pixels.map { UInt8(min(max(($0 * 255).rounded(), 0), 255)) }) : .floats(fitted.pixels)
    let picture = Picture(width: image.width, height: image.height, samples: samples)
    kept.withLock { state in
      if state.pictures[index] == nil, state.byteCount + picture.byteCount <= byteCountLimit {
        state.pictures[index] = picture
        state.byteCount += picture.byteCount
      }
    }
    return picture
  }
}

extension Image {
  /// The picture in colour, or in grey.
  package func with(channelCount: Int) -> Image {
    if channelCount == self.channelCount { return self }
    if channelCount == 3 { return asColour() }
    let count = width * height
    let grey = (0..<count).map {
      0.299 * pixels[$0] + 0.587 * pixels[count + $0] + 0.114 * pixels[2 * count + $0]
    }
    return replacing(pixels: grey, channelCount: 1)
  }
}
