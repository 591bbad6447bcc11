import Foundation
import IRRuntime
import ImageRestoration

/// Restores images one after another.
struct ImageRun {
  let restorer: Restorer
  let metrics: [String]
  let files: FileOptions
  let comparesSideBySide: Bool
  let verifies: Bool
  let profiles: Bool

  /// Restores one image; everything is computed before anything is written.
  func process(_ job: Job, _ progress: Progress) throws -> Report {
    let image = try ImageFile.read(job.input)
    let truth = try job.reference.map { try ImageFile.read($0) }
    if let truth, truth.width != image.width || truth.height != image.height {
      throw ImageError.mismatch(
        detail:
          "\(job.input) has \(image.width)×\(image.height) pixels, its reference \(truth.width)×\(truth.height)"
      )
    }
    var profile: Profile? = profiles ? Profile() : nil
    var (restored, seconds) = try timed { try restorer.restore(image, profile: &profile) }
    if let profile, let program = restorer.latestProgram {
      progress.note(ProfileReport(program, profile).text)
    }
    var report = Report(
      input: job.input, output: job.output, shape: [image.width, image.height], seconds: seconds)
    if let truth, !metrics.isEmpty { try measure(image, restored, truth, &report) }
    if verifies {
      let start = Date()
      let expected = try restorer.restoreByReference(image) { done, count in
        progress.show(step: "reference interpreter", done: done, of: count, since: start)
      }
      report.verification = [
        Report.Difference(restored.pixels.lazy.map(Double.init), expected.pixels.lazy.map(Double.init))
      ]
    }
    let comparison =
      try comparesSideBySide ? Image.sideBySide([image, restored] + (truth.map { [$0] } ?? [])) : nil
    restored.metadata = files.metadata.apply(to: restored.metadata)
    try ImageFile.write(restored, to: job.output, options: files.writing)
    if let comparison {
      try ImageFile.write(comparison, to: (job.output as NSString).deletingPathExtension + "-side.png")
    }
    return report
  }

  private func measure(_ image: Image, _ restored: Image, _ truth: Image, _ report: inout Report) throws {
    let metricProtocol = MetricProtocol()
    let window = metrics.contains("ssim") ? ", SSIM \(SSIMVariant.uniform7.name)" : ""
    report.metricProtocol = "\(metricProtocol)\(window)"
    for metric in metrics {
      func value(_ image: Image) throws -> Double? {
        let value =
          metric == "psnr"
          ? try psnr(image, truth, metricProtocol)
          : try ssim(image, truth, variant: .uniform7, metricProtocol)
        return value.isFinite ? value : nil
      }
      report.metrics = report.metrics ?? [:]
      report.metrics?[metric] = Report.Metric(before: try value(image), after: try value(restored))
    }
  }
}

/// What `body` returns and the seconds that it took.
func timed<R>(_ body: () throws -> R) rethrows -> (R, Double) {
  let clock = ContinuousClock()
  let start = clock.now
  let result = try body()
  return (result, start.duration(to: clock.now).inSeconds)
}
