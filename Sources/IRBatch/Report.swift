import Foundation
import ImageRestoration

/// The result of one input, as a line of text or of JSON.
package struct Report: Encodable, Sendable {
  struct Metric: Encodable, Sendable {
    var before: Double?
    var after: Double?
  }

  /// Tiles beside the whole.
  struct Proof: Encodable, Sendable {
    /// The side of the squares whose means are compared.
    static let meansSide = 32

    var tiles: Int
    var largest: Double
    /// Samples that are stored differently.
    var differingBytes: Int
    /// The largest difference of the means of squares, in levels of 0...255.
    var largestOfMeans: Double
  }

  struct Difference: Encodable, Sendable {
    var output: String?
    /// Over the numbers that are finite in both.
    var largest: Double
    /// The expected values' largest less their smallest.
    var range: Double
    /// Numbers that are infinite or not numbers in one or in both; nil if there are none.
    var nonFinite: Int?
  }

  package var input: String
  package var output: String
  /// The picture that shows what the restoration did.
  package var comparison: String?
  package var shape: [Int]
  package var seconds: Double
  package var plan: String?
  package var tiles: Int?
  /// How a pipeline restored it.
  package var pipeline: PipelineReport?
  var metrics: [String: Metric]?
  var metricProtocol: String?
  var proof: Proof?
  /// The noise level that the model was told; nil if it takes none.
  package var noise: NoiseLevel?
  /// Suspicious properties of the picture; nil if there are none.
  package var warnings: [RestorationWarning]?
  /// The share of samples that the file's range clipped, where it is worth a word.
  var clipped: Double?
  /// Names of the input's statements that the output lacks.
  package var lost: [String]?
  /// Sentences about reading the input.
  package var notes: [String]?
  /// Against `--reference`, for tensors.
  var reference: [Difference]?
  /// Against the reference interpreter.
  var verification: [Difference]?

  /// The result of an input that gave no picture.
  package struct Other: Encodable, Sendable {
    var input: String
    var output: String
    /// Nil where an earlier run has made the output, which stays.
    var error: String?
    var kept: Bool?
    /// Why a strict run did not write it.
    var warnings: [RestorationWarning]?
    /// Names of the input's statements that the output would lack, if a strict run did not write it for them.
    var lost: [String]?

    /// Without an error an earlier run has made the output.
    package init(_ job: Job, error: (any Error)?) {
      (input, output) = (job.input.text, job.output.text)
      kept = error == nil ? true : nil
      self.error = error.map { "\($0)" }
      if case BatchError.suspicious(let found)? = error { warnings = found }
      if case ImageError.losesStatements(_, let names)? = error { lost = names }
    }
  }

  package var text: String {
    var parts = [
      "\(output): \(shape.map(String.init).joined(separator: "×"))", String(format: "%.2f s", seconds),
    ]
    if let tiles, tiles > 1 { parts.append("\(tiles) tiles") }
    if let pipeline { parts += pipeline.texts }
    if let noise {
      parts.append(
        "noise level \(String(format: "%.1f", noise.level))\(noise.estimated ? ", estimated" : "")")
    }
    for (name, metric) in (metrics ?? [:]).sorted(by: { $0.key < $1.key }) {
      let (format, unit) = name == "psnr" ? ("%.2f", " dB") : ("%.4f", "")
      func number(_ value: Double?) -> String { value.map { String(format: format, $0) } ?? "∞" }
      parts.append("\(name.uppercased()) \(number(metric.before)) -> \(number(metric.after))\(unit)")
    }
    if let metricProtocol { parts[parts.count - 1] += " (\(metricProtocol))" }
    for (what, differences) in [("the reference", reference), ("the reference interpreter", verification)] {
      for difference in differences ?? [] {
        let name = difference.output.map { "\($0): " } ?? ""
        parts.append(
          "\(name)largest difference to \(what) \(String(format: "%.3g", difference.largest))"
            + " of a range of \(String(format: "%.4g", difference.range))"
            + (difference.nonFinite.map { ", beside \($0) numbers that are not finite" } ?? ""))
      }
    }
    if let proof {
      let text =
        proof.tiles == 1
        ? "restored whole: nothing to prove"
        : "tiles beside the whole: largest difference \(String(format: "%.3g", proof.largest)), "
          + "\(proof.differingBytes) samples stored otherwise, means of \(Proof.meansSide)×\(Proof.meansSide) "
          + "pixels at most \(String(format: "%.3g", proof.largestOfMeans)) levels apart"
      parts.append(text)
    }
    if let clipped {
      parts.append(String(format: "%.1f %% of the samples clipped to the file's range", 100 * clipped))
    }
    parts += notes ?? []
    if let lost { parts.append("not carried over: \(lost.joined(separator: ", "))") }
    return parts.joined(separator: ", ")
  }
}

extension Report.Difference {
  /// The largest distance of two lists of numbers, as large as numbers go if one is finite and the other is
  /// not. Places that are finite in neither are counted and make no distance.
  init(_ found: some Collection<Double>, _ expected: some Collection<Double>, output: String? = nil) {
    var (largest, low, high) = (0.0, Double.infinity, -Double.infinity)
    var nonFiniteCount = 0
    for (a, b) in zip(found, expected) {
      if a.isFinite, b.isFinite {
        largest = max(largest, min((a - b).magnitude, .greatestFiniteMagnitude))
      } else {
        nonFiniteCount += 1
        if !(a == b || (a.isNaN && b.isNaN)) { largest = .greatestFiniteMagnitude }
      }
    }
    for value in expected where value.isFinite { (low, high) = (min(low, value), max(high, value)) }
    self.init(
      output: output, largest: largest, range: low <= high ? high - low : 0,
      nonFinite: nonFiniteCount == 0 ? nil : nonFiniteCount)
  }
}
