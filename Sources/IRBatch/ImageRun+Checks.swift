import IRRuntime
import IRTensor
import ImageRestoration

/// Measurements and checks of restored pictures.
extension ImageRun {
  /// The distance to the same picture restored by the reference interpreter.
  func difference(_ image: Image, _ restored: Image) throws -> Report.Difference {
    let start = ContinuousClock.now
    let expected = try restorer.restoreByReference(image) { [monitor] done, count in
      monitor?.advanced("reference interpreter", done: done, of: count, since: start)
    }
    return Report.Difference(restored.pixels.lazy.map(Double.init), expected.pixels.lazy.map(Double.init))
  }

  /// The tiles' largest distance to the same picture restored whole, whatever memory that takes.
  func proof(_ image: Image, _ tiled: Image, _ plan: RestorationPlan) throws -> Report.Proof {
    guard plan.tiles.count > 1 else {
      return Report.Proof(tiles: 1, largest: 0, differingBytes: 0, largestOfMeans: 0)
    }
    var settings = restorer.settings
    settings.tileSize = nil
    let whole = try Restorer(
      model: restorer.path, multiple: restorer.multiple,
      options: RuntimeOptions(threadCount: restorer.options.threadCount), settings: settings)
    let wholePlan = try whole.plan(width: image.width, height: image.height)
    guard wholePlan.tiles.count == 1 else {
      throw RuntimeError.exceedsMemory(
        byteCount: try whole.wholeByteCount(width: image.width, height: image.height),
        limit: AvailableMemory.byteCount ?? 0)
    }
    let expected = try whole.restoration(of: image, by: wholePlan).image
    let format = options.output.writing.sampleFormat ?? image.sampleFormat
    var (largest, differing) = (Float(0), 0)
    func level(_ value: Float) -> Float {
      format == .float32
        ? value : min(max((value * format.white).rounded(.toNearestOrAwayFromZero), 0), format.white)
    }
    for (a, b) in zip(tiled.pixels, expected.pixels) where a.bitPattern != b.bitPattern {
      largest = max(largest, abs(a - b))
      if level(a) != level(b) { differing += 1 }
    }
    return Report.Proof(
      tiles: plan.tiles.count, largest: Double(largest), differingBytes: differing,
      largestOfMeans: 255
        * Double(BlockMeans.largestDifference(tiled, expected, side: Report.Proof.meansSide)))
  }

  func measure(_ image: Image, _ restored: Image, _ truth: Image, _ report: inout Report) throws {
    guard !options.metrics.isEmpty else { return }
    let metricProtocol = MetricProtocol()
    let window = options.metrics.contains(.ssim) ? ", SSIM \(SSIMVariant.uniform7.name)" : ""
    report.metricProtocol = "\(metricProtocol)\(window)"
    var values: [String: Report.Metric] = [:]
    for metric in options.metrics {
      func value(_ image: Image) throws -> Double? {
        guard image.width == truth.width, image.height == truth.height else { return nil }
        let value =
          switch metric {
          case .psnr: try psnr(image, truth, metricProtocol)
          case .ssim: try ssim(image, truth, variant: .uniform7, metricProtocol)
          }
        return value.isFinite ? value : nil
      }
      values[metric.rawValue] = Report.Metric(before: try value(image), after: try value(restored))
    }
    report.metrics = values
  }
}
