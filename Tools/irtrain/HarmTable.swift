import Foundation
import IRCommandLine
import IRDegradation
import IRImage
import ImageRestoration

/// How much a restorer changes photographs that need nothing or little: clean ones, weak noise, good JPEGs.
struct HarmTable {
  struct Row: Encodable {
    var task: String
    var images = 0
    /// Means of PSNR in dB against the clean photograph; of equal pictures 100.
    var inputPSNR = 0.0
    var psnr = 0.0
    var lowestPSNR = 100.0
    var lowestImage = ""
    /// Pictures that became worse, and by how much the worst of them, in dB.
    var worseCount = 0
    var largestLoss = 0.0
    /// The largest shift of a channel's mean over the pictures, in 8-bit levels.
    var largestMeanShift = 0.0
    var largestMeanShiftImage = ""
  }

  /// The tasks of the table, the clean photographs first.
  static let tasks = ["clean", "noise2", "noise5", "jpeg85"]
  /// A clean photograph is left alone where it comes back as close as this on the mean, and each at least as
  /// close.
  static let (leastMeanOfClean, leastOfClean) = (46.0, 40.0)
  /// No picture may lose more than this, in dB, and no clean one's mean may shift by more, in 8-bit levels.
  static let (mostLoss, mostMeanShift) = (0.3, 1.0)

  var rows: [Row] = []

  mutating func begin(_ task: String) { rows.append(Row(task: task)) }

  /// Counts a picture of the task begun last.
  mutating func add(_ name: String, input: Image, restored: Image, clean: Image) throws {
    var row = rows.removeLast()
    let (before, after) = (min(try psnr(input, clean), 100), min(try psnr(restored, clean), 100))
    row.images += 1
    row.inputPSNR += before
    row.psnr += after
    if after < row.lowestPSNR || row.lowestImage.isEmpty { (row.lowestPSNR, row.lowestImage) = (after, name) }
    // A clean photograph can only be left alone or become worse.
    if row.task != Self.tasks[0], after < before {
      row.worseCount += 1
      row.largestLoss = max(row.largestLoss, before - after)
    }
    let shift = Self.meanShift(input, restored)
    if shift > row.largestMeanShift { (row.largestMeanShift, row.largestMeanShiftImage) = (shift, name) }
    rows.append(row)
  }

  /// The largest over the channels, in 8-bit levels, of pictures clamped to 0...1.
  private static func meanShift(_ a: Image, _ b: Image) -> Double {
    func means(_ image: Image) -> [Double] {
      let area = image.width * image.height
      return (0..<image.channelCount).map { channel in
        image.pixels[(channel * area)..<((channel + 1) * area)].reduce(0.0) {
          $0 + Double(min(max($1, 0), 1))
        }
          / Double(area)
      }
    }
    return zip(means(a), means(b)).map { ($0 - $1).magnitude * 255 }.max() ?? 0
  }

  /// Sums become means.
  mutating func finish() {
    for i in rows.indices where rows[i].images > 0 {
      rows[i].inputPSNR /= Double(rows[i].images)
      rows[i].psnr /= Double(rows[i].images)
    }
  }

  /// The rules that the model breaks, in words; empty where it does no harm.
  var complaints: [String] {
    var found: [String] = []
    for row in rows {
      if row.task == Self.tasks[0] {
        if row.psnr < Self.leastMeanOfClean {
          found.append(
            String(
              format: "clean photographs keep %.2f dB on average, below %.0f", row.psnr,
              Self.leastMeanOfClean))
        }
        if row.lowestPSNR < Self.leastOfClean {
          found.append(
            String(
              format: "clean %@ keeps %.2f dB, below %.0f", row.lowestImage, row.lowestPSNR,
              Self.leastOfClean))
        }
        if row.largestMeanShift > Self.mostMeanShift {
          found.append(
            String(
              format: "the mean of clean %@ shifts by %.2f levels, above %.0f", row.largestMeanShiftImage,
              row.largestMeanShift, Self.mostMeanShift))
        }
        continue
      }
      if row.psnr < row.inputPSNR {
        found.append(
          String(format: "%@ becomes worse on average, %.2f to %.2f dB", row.task, row.inputPSNR, row.psnr))
      }
      if row.largestLoss > Self.mostLoss {
        found.append(
          String(
            format: "a picture of %@ loses %.2f dB, above %.1f", row.task, row.largestLoss, Self.mostLoss))
      }
    }
    return found
  }

  var lines: [String] {
    var table = TextTable([
      "task", "images", "input PSNR", "restored PSNR", "lowest", "worse", "largest loss",
      "largest mean shift",
    ])
    for row in rows {
      let isClean = row.task == Self.tasks[0]
      let input = isClean ? "equal" : String(format: "%.2f", row.inputPSNR)
      let worse = isClean ? "" : "\(row.worseCount)"
      let loss = isClean ? "" : String(format: "%.2f dB", row.largestLoss)
      table.rows.append([
        row.task, "\(row.images)", input, String(format: "%.2f", row.psnr),
        String(format: "%.2f", row.lowestPSNR) + " (\(row.lowestImage))", worse, loss,
        String(format: "%.2f levels", row.largestMeanShift) + " (\(row.largestMeanShiftImage))",
      ])
    }
    let found = complaints
    return table.markdown + [""]
      + (found.isEmpty ? ["harmless by every rule"] : ["harmful:"] + found.map { "- \($0)" })
  }
}
