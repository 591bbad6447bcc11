import Foundation
import IRDiffusion
import IRImage
import IRQuality
import IRRuntime
import IRTensor

/// Numbers of a picture that tell its degradations, which a forest predicts weights from.
package enum PictureFeatures {
  /// BRISQUE's 36 statistics, and the noise of red, green and blue.
  package static let count = 39

  /// - Throws: `QualityError.picture` for a picture below 16 pixels, or without structure.
  package static func of(_ image: Image) throws(QualityError) -> [Float] {
    let colour = image.asColour()
    let statistics = try BRISQUE.features(image)
    return (statistics + (0..<3).map { noise(colour, channel: $0) }).map { Float($0) }
  }

  /// The deviation of noise in levels of 0...255, from what a difference of Laplacians leaves of a picture
  /// (Immerkær, 1996).
  private static func noise(_ image: Image, channel: Int) -> Double {
    let (width, height) = (image.width, image.height)
    let first = channel * width * height
    var sum = 0.0
    image.pixels.withUnsafeBufferPointer { pixels in
      for y in 1..<(height - 1) {
        for x in 1..<(width - 1) {
          func at(_ dy: Int, _ dx: Int) -> Double { Double(pixels[first + (y + dy) * width + x + dx]) }
          let corners = at(-1, -1) + at(-1, 1) + at(1, -1) + at(1, 1)
          let sides = at(-1, 0) + at(1, 0) + at(0, -1) + at(0, 1)
          sum += (corners - 2 * sides + 4 * at(0, 0)).magnitude
        }
      }
    }
    return 255 * (Double.pi / 2).squareRoot() / 6 * sum / Double((width - 2) * (height - 2))
  }
}

/// A forest in the folder of a pipeline, `forest/model.onnx`, which says a picture's composition without a
/// search: `features [N, 39]` -> `weights [N, 6]`.
struct CompositionForest {
  static let name = "forest"
  private let part: PipelinePart

  /// - Throws: `PipelineError` if the folder has none, `ONNXError`.
  init(_ files: PipelineFiles) throws {
    guard files.has(Self.name) else {
      throw PipelineError.file(
        path: files.path(of: Self.name),
        reason: "the part is missing; train-forest.py makes it of searches' scores")
    }
    part = try PipelinePart(Self.name, files)
  }

  /// The candidate that is nearest to the weights that the trees say.
  /// - Throws: `PipelineError.part` for a file that says something else, `QualityError.picture`.
  func composition(of image: Image, among candidates: [Composition], _ options: RuntimeOptions) throws
    -> Composition
  {
    let features = Tensor(try PictureFeatures.of(image), shape: [1, PictureFeatures.count])
    let weights = try CompiledParts(options: options).output("weights", of: part, ["features": features])
    guard weights.shape == [1, Component.six.count] else {
      throw PipelineError.part(
        path: part.path, detail: "weights is \(weights.shape), must be [1, \(Component.six.count)]")
    }
    let numbers = weights.doubles
    guard numbers.allSatisfy(\.isFinite) else {
      throw PipelineError.part(path: part.path, detail: "weights are \(numbers)")
    }
    func distance(_ composition: Composition) -> Double {
      zip(Component.six, numbers).reduce(0) { sum, pair in
        let difference = composition.weight(of: pair.0) - pair.1
        return sum + difference * difference
      }
    }
    guard let nearest = candidates.min(by: { distance($0) < distance($1) }) else {
      throw PipelineError.search("there are no candidates")
    }
    return nearest
  }
}
