import Foundation
import IRONNX
import IRRuntime
import IRTensor
import IRTensorFiles
import Testing

@testable import IRTraining

private let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
  .appendingPathComponent("Fixtures/exported").path

/// The loss and every weight's gradient of whole networks, through import, batching, recognition, autodiff,
/// compilation and kernels, are what PyTorch computes.
@Test(arguments: ["symunet-torchscript", "symunet-dynamo", "nafnet-torchscript", "restormer-dynamo"])
func gradientsEqualPyTorch(_ network: String) throws {
  let tensors = Dictionary(
    uniqueKeysWithValues: try NumPyArchive.read("\(folder)/\(network)/gradients.npz").map {
      ($0.name, $0.tensor)
    })
  let path = "\(folder)/\(network)/model.onnx"
  let model = try ONNXModel(contentsOf: path)
  let (image, target) = (try #require(tensors["image"]), try #require(tensors["target"]))
  let batch = TrainingGraph.Batch(count: image.shape[0], height: image.shape[2], width: image.shape[3])
  let graph = try TrainingGraph(model: model, path: path, batch: batch, loss: Loss(fourierWeight: 0.1))
  let options = Trainer.Options(
    optimizer: AdamW(), schedule: LearningRateSchedule(peak: 1e-3, stepCount: 1))
  let trainer = try Trainer(
    graph, weights: try model.initializers(named: graph.parameters + graph.frozen), options: options,
    runtime: RuntimeOptions(threadCount: 2))
  #expect(trainer.program.memoryPlan.conflict == nil)
  trainer.keepsGradients = true
  let report = try trainer.step(
    images: image, targets: target, tasks: [Int](repeating: 0, count: batch.count))
  let loss = try #require(tensors["loss"]).doubles[0]
  #expect((report.loss - loss).magnitude < 1e-5 * loss)
  let names = tensors.keys.filter { $0.hasPrefix("gradient/") }.map { String($0.dropFirst(9)) }
  #expect(Set(names) == Set(graph.parameters))
  func norm(_ values: [Double]) -> Double { values.reduce(0) { $0 + $1 * $1 }.squareRoot() }
  let largest = names.map { norm(tensors["gradient/\($0)"]?.doubles ?? []) }.max() ?? 0
  for name in names {
    let expected = try #require(tensors["gradient/\(name)"]).doubles
    let found = try #require(trainer.gradients[name]).doubles
    let distance = norm(zip(found, expected).map { $0 - $1 })
    // Weights whose gradient is rounding alone are measured against the others.
    #expect(distance < 1e-4 * max(norm(expected), 1e-3 * largest), "\(name)")
  }
}
