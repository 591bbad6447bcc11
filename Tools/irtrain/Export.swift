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
    abstract: "Writes the weights of a checkpoint as a model.",
    usage: "irtrain export [options] CHECKPOINT MODEL -o OUT.onnx",
    discussion: """
      MODEL is the model that the run started from, or another one with weights of the same names and shapes. Everything \
      but the weights comes from MODEL. The run may continue meanwhile: a checkpoint is always complete.

      EXAMPLES
        irtrain export my.checkpoint net.onnx -o so-far.onnx
      """)

  @Argument(help: "Checkpoint of irtrain or Tools/train-torch.", completion: .file())
  var checkpoint: String

  @Argument(help: .model, completion: .file())
  var model: String

  @Option(name: [.customShort("o"), .long], help: "Model file to write (.onnx).", completion: .file())
  var output: String

  @Flag(help: "Use the weights of the last step instead of their moving average.")
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
