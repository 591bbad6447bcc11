import Foundation
import IRDegradation
import IRImage
import IRRuntime
import IRTraining
import ImageRestoration

/// Restores a few pictures while a run goes on: centre crops of at most 256 pixels a side, the same at every
/// validation.
struct Validator {
  private enum Case {
    case degraded(clean: String, Degradation)
    case pair(low: String, high: String)
  }
  private let cases: [(name: String, Case)]
  private let seed: UInt64
  /// Of the centre crops.
  private let side: Int
  /// Whether the model takes this side alone.
  private let hasFixedSide: Bool

  /// Samples of each task on a page.
  private static let sampleLimit = 2

  /// At most eight photographs, spread over the set, that a run is validated with and not trained on; none
  /// where there are under ten.
  static func heldOut(_ paths: [String]) -> [String] {
    guard paths.count >= 10 else { return [] }
    let count = min(8, paths.count / 10 + 1)
    return (0..<count).map { paths[$0 * paths.count / count] }
  }

  /// The tasks of `clean` photographs and of the first pairs.
  init(
    clean: [String], pairs: (low: [String], high: [String])?, tasks: [TrainingTask], seed: UInt64,
    fixedSide: Int?
  ) {
    self.seed = seed
    side = fixedSide ?? 256
    hasFixedSide = fixedSide != nil
    var list: [(String, Case)] = []
    // About two dozen restorations, so that a validation is short beside the steps between two.
    let pictures = max(2, min(8, 24 / max(tasks.count, 1)))
    for task in tasks {
      switch task.source {
      case .degradation(let degradation):
        for path in clean.prefix(pictures) {
          list.append((task.name, .degraded(clean: path, degradation)))
        }
      case .pairs:
        guard let pairs else { continue }
        for (low, high) in zip(pairs.low, pairs.high).prefix(min(pictures, 4)) {
          list.append((task.name, .pair(low: low, high: high)))
        }
      }
    }
    cases = list
  }

  /// Mean PSNR in dB by task, of pictures clamped to 0...1.
  func measure(model: String, options: RuntimeOptions) throws -> [String: Double] {
    var sums: [String: (Double, Int)] = [:]
    let restorer = try Restorer(model: model, options: options)
    for entry in cases {
      let (input, target) = try images(entry.1, channelCount: restorer.channelCount)
      let value = try psnr(try restorer.restore(input, noiseLevel: level(input, target)), target)
      let before = sums[entry.name] ?? (0, 0)
      sums[entry.name] = (before.0 + min(value, 100), before.1 + 1)
    }
    return sums.mapValues { $0.0 / Double($0.1) }
  }

  /// The first pictures of each task: degraded, restored, clean, beside each other.
  func samples(model: String, options: RuntimeOptions) throws -> [(name: String, image: Image)] {
    let restorer = try Restorer(model: model, options: options)
    var counts: [String: Int] = [:]
    var result: [(String, Image)] = []
    for entry in cases where counts[entry.name, default: 0] < Self.sampleLimit {
      counts[entry.name, default: 0] += 1
      let (input, target) = try images(entry.1, channelCount: restorer.channelCount)
      let restored = try restorer.restore(input, noiseLevel: level(input, target))
      let row = try Image.sideBySide([input, restored, target])
      result.append((entry.name, row))
    }
    return result
  }

  /// - Throws: `TrainingError.data` if the two pictures of a pair differ in size.
  private func level(_ input: Image, _ target: Image) throws -> Double {
    guard (input.width, input.height) == (target.width, target.height) else {
      throw TrainingError.data(
        detail:
          "a pair has pictures of \(input.width)×\(input.height) and \(target.width)×\(target.height) pixels")
    }
    return input.noiseLevel(over: target)
  }

  private func images(_ which: Case, channelCount: Int) throws -> (Image, Image) {
    switch which {
    case .degraded(let path, let degradation):
      let clean = centre(try ImageFile.read(path).with(channelCount: channelCount))
      let stem = ((path as NSString).lastPathComponent as NSString).deletingPathExtension
      // A model of fixed sides takes no smaller picture.
      return degradation.pair(
        of: clean, seed: Degradation.seed(seed, forFile: stem), minimumScale: hasFixedSide ? 1 : 0)
    case .pair(let low, let high):
      return (
        centre(try ImageFile.read(low).with(channelCount: channelCount)),
        centre(try ImageFile.read(high).with(channelCount: channelCount))
      )
    }
  }

  private func centre(_ image: Image) -> Image {
    let (width, height) = (min(image.width, side), min(image.height, side))
    return image.cut(
      left: (image.width - width) / 2, top: (image.height - height) / 2, width: width, height: height)
  }

  static func text(_ values: [String: Double]) -> String {
    values.isEmpty
      ? "no pictures to validate with"
      : values.sorted { $0.key < $1.key }.map { String(format: "%@ %.2f dB", $0.key, $0.value) }
        .joined(separator: ", ")
  }
}
