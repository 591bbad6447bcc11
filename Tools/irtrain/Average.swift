import ArgumentParser
import Foundation
import IRCommandLine
import IRFiles
import IRONNX
import IRTensor
import IRTraining
import ImageRestoration

/// Weights between those of two models.
struct Average: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Averages the weights of two models with the same origin.",
    usage: "irtrain average [options] FIRST SECOND -o OUT.onnx",
    discussion: """
      The average of two models that were fine-tuned from the same model, or of a model and its fine-tuned version, is \
      often better than both (Wortsman et al., 2022, arXiv 2203.05482). The average of models that were trained from \
      different weights is useless: measure the result with irtrain eval. Everything but the weights comes from FIRST.

      EXAMPLES
        irtrain average old.onnx fine-tuned.onnx --share 0.5 -o between.onnx
      """)

  @Argument(help: .model, completion: .file())
  var first: String

  @Argument(help: "Second model, with weights of the same names and shapes.", completion: .file())
  var second: String

  @Option(help: "Weight of SECOND in the average, from 0 to 1.")
  var share = 0.5

  @Option(name: [.customShort("o"), .long], help: "The model to write.", completion: .file())
  var output: String

  func validate() throws {
    guard output.hasSuffix(".onnx") else { throw ValidationError("--output must end in .onnx") }
    guard (0...1).contains(share) else { throw ValidationError("--share must be 0 to 1") }
  }

  func run() throws {
    let (firstPath, secondPath) = (try ModelCatalogue.path(of: first), try ModelCatalogue.path(of: second))
    var model = try ONNXModel(contentsOf: firstPath)
    let other = try ONNXModel(contentsOf: secondPath)
    let names = model.parameterCandidates
    if let foreign = Set(names).symmetricDifference(other.parameterCandidates).min() {
      let (has, lacks) = names.contains(foreign) ? (firstPath, secondPath) : (secondPath, firstPath)
      throw TrainingError.missingWeight(foreign, in: lacks, of: has)
    }
    let (a, b) = (try model.initializers(named: names), try other.initializers(named: names))
    var between: [String: Tensor] = [:]
    for (name, x) in a {
      guard let y = b[name] else { continue }
      guard x.shape == y.shape else {
        throw TrainingError.unsuitableModel(
          path: secondPath, detail: "weight \(name) has the shape \(y.shape), in \(firstPath) \(x.shape)")
      }
      between[name] = Tensor(x.type, doubles: zip(x.doubles, y.doubles).map { (1 - share) * $0 + share * $1 })
    }
    try model.replaceInitializers(between)
    let parts = [(model, first, 1 - share), (other, second, share)].map { part, name, share in
      let training = part.metadata.first { $0.key == "training" }?.value
      let own = FilePath(name).name.stem.text
      return "\(share) of \(own)" + (training.map { " (\($0))" } ?? "")
    }
    model.setMetadata("training", parts.joined(separator: ", "))
    try model.write(to: output)
    Terminal.complain("\(output): \(between.count) weights, " + parts.joined(separator: ", "))
  }
}
