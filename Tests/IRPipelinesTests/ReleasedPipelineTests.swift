import IRDiffusion
import IRTensor
import Testing

@testable import IRPipelines

/// The pipeline that ships takes noise from a picture that it has never seen, in one step.
@Test func theReleasedPipelineRestores() throws {
  let folder = try #require(try PipelineCatalogue.path(of: "unires-s"))
  let pipeline = try RestorationPipeline(contentsOf: folder)
  #expect(pipeline.components == Component.six)
  #expect(try PipelineCalibration.of(pipeline.files)?.candidates.count == PipelineCalibration.candidateCount)
  let defaults = try PipelineCalibration.settings(of: pipeline)
  #expect(defaults.stepCount == 1 && defaults.composition.parts.count > 1)
  let side = 96
  let clean = scene(side: side)
  let noise = SeededNoise(seed: 5).tensor(channels: 3, height: side, width: side, stream: 0)
  let noisy = Tensor(
    zip(clean.doubles, noise.doubles).map { Float(min(1, max(0, $0 + 20 / 255 * $1))) }, shape: clean.shape)
  var settings = PipelineSettings(try Composition("dn=1"))
  (settings.stepCount, settings.colours) = (1, .none)
  let runner = PipelineRunner(pipeline)
  let restored = try runner.restored(noisy, settings)
  #expect(try runner.restored(noisy, settings) == restored)
  func squares(_ picture: Tensor) -> Double {
    zip(picture.doubles, clean.doubles).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
  }
  #expect(squares(restored) < squares(noisy) / 3, "\(squares(restored)) of \(squares(noisy))")
}

/// A disc on a slope of colours, `[1, 3, side, side]`.
private func scene(side: Int) -> Tensor {
  let values = (0..<3 * side * side).map { index -> Float in
    let (channel, row, column) = (index / (side * side), index / side % side, index % side)
    let (y, x) = (2 * row - side, 2 * column - side)
    let slope = 0.3 + 0.4 * Float(row + channel * column) / Float(3 * side)
    return 4 * (x * x + y * y) < side * side ? 0.8 - 0.2 * Float(channel) : slope
  }
  return Tensor(values, shape: [1, 3, side, side])
}
