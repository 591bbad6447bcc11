import IRDiffusion
import IRImage
import IRTensor
import ImageRestoration

/// A restored picture, and how it was made.
package struct PipelineRestoration: Sendable {
  package var image: Image
  /// The settings with the composition that was chosen, and with spacing and tiles as they were in fact.
  package var settings: PipelineSettings
  package var search: PipelineSearch.Result?
  package var plan: PipelinePlan
  /// Properties that a person should look at.
  package var warnings: [RestorationWarning]
}

extension Image {
  /// A picture `[1, C, H, W]` float32 with one or three channels.
  init(_ picture: Tensor) {
    self.init(
      width: picture.shape[3], height: picture.shape[2], channelCount: picture.shape[1],
      pixels: picture.floats)
  }
}

extension Image {
  /// This image with restored pixels `[3, scale · H, scale · W]`: grey stays grey, alpha and further channels
  /// grow with the sides, and colours under alpha 0 stay, repeated where the sides grow.
  fileprivate func restored(_ pixels: [Float], scale: Int) -> Image {
    let count = scale * scale * width * height
    var kept = pixels
    if channelCount == 1 {
      kept = (0..<count).map { (pixels[$0] + pixels[count + $0] + pixels[2 * count + $0]) / 3 }
    }
    if let alpha, alpha.contains(where: { !($0 > 0) }) {
      for index in 0..<count {
        let (y, x) = (index / (scale * width) / scale, index % (scale * width) / scale)
        guard !(alpha[y * width + x] > 0) else { continue }
        for channel in 0..<channelCount {
          kept[channel * count + index] = self.pixels[(channel * height + y) * width + x]
        }
      }
    }
    return enlarged(by: scale, to: kept, channelCount: channelCount)
  }
}

extension PipelineRunner {
  /// Restores an image: searches for its composition if that is asked for, and keeps alpha and further
  /// channels.
  /// - Parameters:
  ///   - image: values beyond 0...1 are clipped; grey is shown in colour and stays grey.
  ///   - settings: the composition is the search's, where there is one.
  ///   - search: nil restores with the settings' composition.
  ///   - detail: the share of the weights that goes to the picture shrunk by 4, whichever composition is
  ///     taken.
  ///   - held: bytes that the caller holds beside.
  ///   - progress: as of `restored` and `searched`.
  /// - Returns: the image with the input's statements, and how it was made.
  /// - Throws: `RestorationError.unsuitableImage`, `PipelineError`, and what compilation and runs throw.
  package func restoration(
    of image: Image, _ settings: PipelineSettings, search: PipelineSearch? = nil, detail: Double = 0,
    holding held: Int = 0, progress: (PipelineProgress) throws -> Void = { _ in }
  ) throws -> PipelineRestoration {
    var input = image
    let mendedCount = try input.mendNonFiniteSamples()
    var shown = input
    shown.fillHiddenColours()
    let colour = shown.asColour()
    let picture = Tensor(
      colour.replacing(pixels: colour.pixels.map { min(max($0, 0), 1) }, channelCount: 3))
    // A picture that does not fit is refused before anything is searched for.
    let plan = try plan(height: image.height, width: image.width, settings, holding: held)
    var chosen = settings
    chosen.tileSide = plan.tileCount == 1 ? 0 : plan.side
    chosen.overlap = plan.tileCount == 1 ? nil : plan.overlap
    chosen.spacing = settings.spacing(pipeline.files.scheduler.spacing)
    let found = try search.map { try searched(picture, settings, $0, progress: progress) }
    if let found { chosen.composition = found.best }
    chosen.composition = try chosen.composition.inventing(detail)
    let restored = try restored(picture, chosen, progress: progress)
    let result = input.restored(restored.floats, scale: settings.scale)
    var warnings = try HarmCheck.warnings(input: input, output: result)
    if mendedCount > 0 { warnings.insert(.mended(mendedCount), at: 0) }
    return PipelineRestoration(
      image: result, settings: chosen, search: found, plan: plan, warnings: warnings)
  }
}
