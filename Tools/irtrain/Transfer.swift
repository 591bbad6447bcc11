import ArgumentParser
import Foundation
import IRCommandLine
import IRFiles
import IRONNX
import IRTensor
import IRTraining
import ImageRestoration

/// A start for training: the weights of a trained model in a network that has more inputs.
struct Transfer: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Puts the weights of a trained model into a network with more input channels.",
    discussion: """
      FRESH is a network of irexport whose weights have the shapes of TRAINED's, but for convolutions that read more \
      channels. Weights of one name belong together, the others in the order in which the networks read them. Weights of the further channels are zero: the new model restores as the trained one does, \
      whatever the further channels hold, until it is trained on. Graph and settings are FRESH's; what TRAINED's \
      metadata say of its training and licence goes with the weights.

      irexport symunet --config symunet-s-level -o fresh.onnx
      irtrain transfer symunet-denoise fresh.onnx -o start.onnx
      """)

  @Argument(help: "A trained model file (.onnx), or the name of a model in Models.", completion: .file())
  var trained: String

  @Argument(help: "The network that takes the weights.", completion: .file())
  var fresh: String

  @Option(name: [.customShort("o"), .long], help: "The model to write.", completion: .file())
  var output: String

  func validate() throws {
    guard output.hasSuffix(".onnx") else { throw ValidationError("--output must end in .onnx") }
  }

  func run() throws {
    let (source, path) = (try ModelCatalogue.path(of: trained), try ModelCatalogue.path(of: fresh))
    let old = try ONNXModel(contentsOf: source)
    var model = try ONNXModel(contentsOf: path)
    let names = model.parameterCandidates
    let sources = try Self.sources(of: model, path, in: old, source)
    let (given, places) = (
      try old.initializers(named: old.parameterCandidates), try model.initializers(named: names)
    )
    var weights: [String: Tensor] = [:]
    var widened: [String] = []
    for name in names {
      guard let origin = sources[name], let tensor = given[origin], let place = places[name] else { continue }
      guard let weight = tensor.widened(to: place.shape) else {
        throw TrainingError.unsuitableModel(
          path: path,
          detail:
            "weight \(name) has the shape \(place.shape), which does not hold \(tensor.shape) of \(origin) in \(source)"
        )
      }
      if tensor.elementCount != weight.elementCount {
        widened.append("\(name) \(tensor.shape) to \(place.shape)")
      }
      weights[name] = weight.converted(to: place.elementType)
    }
    try model.replaceInitializers(weights)
    for key in ["licence", "training data", "task"] {
      if let value = old.metadata.first(where: { $0.key == key })?.value { model.setMetadata(key, value) }
    }
    let training = old.metadata.first { $0.key == "training" }.map { " (\($0.value))" } ?? ""
    model.setMetadata("training", "weights of \(FilePath(trained).name.stem.text)\(training)")
    model.metadata.removeAll { ["weights", "published"].contains($0.key) }
    try model.write(to: output)
    Terminal.complain(
      "\(output): \(weights.count) weights"
        + (widened.isEmpty ? "" : ", widened by zeros: \(widened.joined(separator: ", "))"))
  }
}

extension Transfer {
  /// The weight of `old` for each one of `model`: that of its name, and where exporters named them otherwise,
  /// that of the same place among those, in the order in which nodes read them.
  /// - Throws: `TrainingError.unsuitableModel` where the numbers of these differ.
  private static func sources(
    of model: ONNXModel, _ path: String, in old: ONNXModel, _ source: String
  ) throws -> [String: String] {
    let (names, known) = (Set(model.parameterCandidates), Set(old.parameterCandidates))
    let (own, foreign) = (
      model.inOrderOfUse(names.subtracting(known)), old.inOrderOfUse(known.subtracting(names))
    )
    guard own.count == foreign.count else {
      let (name, lacks, has) =
        own.count > foreign.count ? (own[foreign.count], source, path) : (foreign[own.count], path, source)
      throw TrainingError.missingWeight(name, in: lacks, of: has)
    }
    var result = Dictionary(uniqueKeysWithValues: names.intersection(known).map { ($0, $0) })
    for (name, origin) in zip(own, foreign) { result[name] = origin }
    return result
  }
}

extension ONNXModel {
  /// The initializers of these names that nodes read, in the order of the nodes.
  fileprivate func inOrderOfUse(_ names: Set<String>) -> [String] {
    var (result, seen) = ([String](), Set<String>())
    for name in graph.nodes.lazy.flatMap(\.inputs) where names.contains(name) && seen.insert(name).inserted {
      result.append(name)
    }
    return result
  }
}

extension Tensor {
  /// The tensor with zeros for further entries of its second axis, a convolution's input channels; nil if
  /// `shape` differs in anything else but axes of one entry.
  func widened(to shape: Shape) -> Tensor? {
    if self.shape.filter({ $0 != 1 }) == shape.filter({ $0 != 1 }) { return reshaped(to: shape) }
    guard shape.rank == self.shape.rank, shape.rank >= 2, shape[0] == self.shape[0],
      shape[1] > self.shape[1], shape.dropFirst(2).elementsEqual(self.shape.dropFirst(2))
    else { return nil }
    return widened(toChannels: shape[1])
  }
}
