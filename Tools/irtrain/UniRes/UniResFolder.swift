import Foundation
import IRCommandLine
import IRCompiler
import IRDiffusion
import IRFiles
import IRGraph
import IRModels
import IRONNX
import IRTensor
import IRTraining

/// Writes a trained pipeline in the layout of diffusers' ONNX pipelines: `model_index.json` at last, so that
/// a folder without it is not finished.
struct UniResFolder {
  var path: String
  var unet: DenoisingUNetConfiguration
  var scheduler: SchedulerConfiguration
  var storesHalfWeights: Bool

  /// Writes all files; `training` says what the weights come from, in the files' metadata.
  /// - Throws: `ModelError`, `CompilerError`, `ONNXError`, `FileError`.
  func write(_ state: DiffusionState, _ codec: LinearCodec, training: String) throws {
    try Folder.make(FilePath(path))
    try? FileManager.default.removeItem(atPath: "\(path)/model_index.json")
    var autoencoder = LinearAutoencoderConfiguration()
    (autoencoder.latentChannels, autoencoder.factor) = (codec.channelCount, codec.factor)
    try write(LinearEncoder(autoencoder), codec.weights, training)
    try write(LinearDecoder(autoencoder), codec.weights, training)
    let network = TaskUNet(unet, hasOwnWeights: true)
    try write(network, state.rows(count: TaskPrompts.texts.count), training)
    try writeJSON(scheduler, to: "scheduler/scheduler_config.json")
    let index = PipelineIndex(scheduler: scheduler.className, scalingFactor: 1, conditionFactor: 1)
    try writeJSON(index, to: "model_index.json")
  }

  private func write<N: PartNetwork>(_ network: N, _ weights: [String: Tensor], _ training: String) throws {
    var graph = try Rewriter().reduced(try network.graph(weights: weights, shape: network.sampleShape))
    graph.metadata = [
      "network": N.name, "pipeline": "unires", "config": try JSONText.text(network.configuration),
      "title": "UniRes' \(N.name)", "paper": "arXiv 2506.05599 (reconstruction)", "training": training,
    ]
    try Folder.make(FilePath("\(path)/\(N.name)"))
    // The first operator set whose group normalization is one operator.
    var model = try ONNXModel(graph, opset: 21, openSizes: network.openSizes)
    if storesHalfWeights { model = model.storingHalfWeights().model }
    try model.write(to: "\(path)/\(N.name)/model.onnx")
    try writeJSON(network.configuration, to: "\(N.name)/config.json")
  }

  private func writeJSON(_ value: some Encodable, to name: String) throws {
    let file = FilePath("\(path)/\(name)")
    try Folder.make(file.folder)
    try writeFile(try JSONText.text(value, isPretty: true) + "\n", to: file.text)
  }
}
