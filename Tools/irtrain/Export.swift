import ArgumentParser
import Foundation
import IRCommandLine
import IRONNX
import IRTraining
import ImageRestoration

extension TrainingError {
  /// The model at `path` lacks a weight of another file.
  static func missingWeight(_ name: String, in path: String, of other: String) -> TrainingError {
    .unsuitableModel(path: path, detail: "it has no weight \(name), which \(other) has")
  }
}

/// The model of a run that is still going on, or that was interrupted.
struct Export: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Freezes the weights of a checkpoint into a model.",
    discussion: """
      MODEL is the one that the run started from, or any other with the same weights' names and shapes: all but the \
      weights is taken from it. The run may go on meanwhile; its checkpoint is always whole.
      """)

  @Argument(help: "A checkpoint of irtrain, or of Tools/train-torch.", completion: .file())
  var checkpoint: String

  @Argument(help: "A model file (.onnx), or the name of a model in Models.", completion: .file())
  var model: String

  @Option(name: [.customShort("o"), .long], help: "The model to write.", completion: .file())
  var output: String

  @Flag(help: "Use the weights of the last step instead of their average.")
  var last = false

  func validate() throws {
    guard output.hasSuffix(".onnx") else { throw ValidationError("--output must end in .onnx") }
  }

  func run() throws {
    let path = try ModelCatalogue.path(of: model)
    var frozen = try ONNXModel(contentsOf: path)
    let (weights, step, settings) = try Checkpoint.weights(checkpoint, areAverages: !last)
    let known = Set(frozen.graph.initializers.map(\.name))
    if let foreign = weights.keys.sorted().first(where: { !known.contains($0) }) {
      throw TrainingError.missingWeight(foreign, in: path, of: checkpoint)
    }
    try frozen.replaceInitializers(weights)
    frozen.setMetadata("training", "\(step) steps, \(settings["tasks"] ?? "")")
    try frozen.write(to: output)
    Terminal.complain("\(output): step \(step), \(weights.count) weights")
  }
}
