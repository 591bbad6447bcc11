import IRAutodiff
import IRCompiler
import IRGraph
import IRONNX
import IROperators
import IRRestorers
import IRTensor

/// A model with its loss and the gradients of its weights, for one image of a batch.
///
/// Inputs: the model's image `[1, C, H, W]`, its noise level where it takes one, `target` of the image's
/// type, `tasks` `[1, K]` one-hot where routers are taught, and every weight under its name in the file.
/// Outputs: `loss`, a gradient per weight, each router's logits `[1, K]`. The loss of a batch is the mean of
/// its images' losses, and its gradient the mean of their gradients.
package struct TrainingGraph: Sendable {
  package let graph: Graph
  package let batch: Batch
  package let imageName: String
  /// `[1, C, H, W]`.
  package let imageType: TensorType
  /// The input for the noise level, nil where the model takes none.
  package let noise: NoiseLevelPort?
  /// The weights that are trained, in the file's order.
  package let parameters: [String]
  /// The weights that the loss depends on and that are left as they are.
  package let frozen: [String]
  /// How many routers the model has, and how many tasks they tell apart; 0 without routers.
  package let routerCount: Int
  package let taskCount: Int

  /// The inputs that each image of a batch has its own of.
  var imageInputNames: Set<String> {
    Set([imageName, Self.targetName, Self.tasksName] + (noise.map { [$0.name] } ?? []))
  }

  package static let targetName = "training.target"
  package static let tasksName = "training.tasks"
  package static let lossName = "training.loss"
  package static func gradientName(_ parameter: String) -> String { "training.gradient.\(parameter)" }
  package static func logitsName(_ router: Int) -> String { "training.logits.\(router)" }

  /// Sizes of a batch.
  package struct Batch: Hashable, Sendable, Codable {
    package var count: Int
    package var height: Int
    package var width: Int

    package init(count: Int, height: Int, width: Int) {
      self.count = count
      self.height = height
      self.width = width
    }
  }

  /// Adds loss and gradients to a model. `path` is the model's name in errors; routers with `taskCount`
  /// logits are taught the data's tasks; `isTrained` says of a weight, by its name, whether it is to be
  /// trained.
  /// - Throws: `TrainingError` saying what of the model does not fit.
  package init(
    model: ONNXModel, path: String, batch: Batch, loss: Loss, taskCount: Int = 0,
    isTrained: (String) -> Bool = { _ in true }
  ) throws(TrainingError) {
    let ports = try Self.ports(of: model, path)
    let input = ports.image
    let candidates = model.parameterCandidates
    var (graph, parameters) = try Self.imported(model, path, ports, batch, candidates)
    guard let image = graph.inputs.first(where: { graph[$0].name == input.name }) else {
      throw .unsuitableModel(path: path, detail: "its input \(input.name) is not used")
    }
    let sides = graph[image].type.shape.suffix(2)
    guard sides.elementsEqual([batch.height, batch.width]) else {
      throw .unsuitableModel(
        path: path,
        detail: "it was exported for pictures of \(sides.map(String.init).joined(separator: "×")) pixels: "
          + "take crops of that size (--crop)")
    }
    guard graph[image].type.shape[0] == 1 else {
      throw .unsuitableModel(
        path: path,
        detail: "it was exported for \(graph[image].type.shape[0]) pictures at once: export it for one")
    }
    do { graph = try Rewriter().recognized(graph) } catch { throw .compiler(error) }
    guard let image = graph.inputs.first(where: { graph[$0].name == input.name }),
      let prediction = graph.outputs.first?.value
    else { throw .unsuitableModel(path: path, detail: "it has no output") }
    let type = graph[image].type
    guard graph[prediction].type == type else {
      throw .unsuitableModel(
        path: path, detail: "its output is \(graph[prediction].type) for an image of \(type)")
    }
    let routers = loss.routerWeight == 0 ? [] : graph.routerLogits(taskCount: taskCount)
    if loss.routerWeight != 0, routers.isEmpty {
      throw .unsuitableModel(
        path: path,
        detail: "it has no router of \(taskCount) tasks (a weight …router.weight): --router-weight 0")
    }
    self.batch = batch
    noise = ports.noise.flatMap { port in graph.inputs.contains { graph[$0].name == port.name } ? port : nil }
    (imageName, imageType, routerCount, self.taskCount) = (
      input.name, type, routers.count, routers.isEmpty ? 0 : taskCount
    )
    let statistics = graph.statisticNames
    let wanted = parameters.filter { isTrained($0) && !statistics.contains($0) }
    let byName = Dictionary(uniqueKeysWithValues: graph.inputs.map { (graph[$0].name, $0) })
    let values = wanted.compactMap { byName[$0] }
    graph.outputs = []
    var builder = GraphBuilder(extending: graph)
    let total: ValueID
    do {
      let target = builder.input(Self.targetName, type)
      let tasks =
        routers.isEmpty
        ? nil : builder.input(Self.tasksName, TensorType(.float32, [1, taskCount]))
      total = try builder.inScope("loss") { (builder) throws(GraphError) in
        try loss.value(of: prediction, target: target, routers: routers, tasks: tasks, into: &builder)
      }
    } catch { throw .graph(error) }
    var trained: [String] = []
    do throws(AutodiffError) {
      var (whole, gradients) = try builder.graph.gradients(of: total, withRespectTo: values)
      whole.addOutput(total, name: Self.lossName)
      for (name, gradient) in zip(wanted, gradients) {
        guard let gradient else { continue }
        whole.addOutput(gradient, name: Self.gradientName(name))
        trained.append(name)
      }
      for (index, logits) in routers.enumerated() { whole.addOutput(logits, name: Self.logitsName(index)) }
      whole.removeDeadNodes()
      self.graph = whole
    } catch { throw .autodiff(error) }
    guard !trained.isEmpty else { throw .noParameters(path: path) }
    self.parameters = trained
    let known = Set(trained)
    parameters.removeAll { known.contains($0) }
    frozen = parameters
  }

  private static func ports(of model: ONNXModel, _ path: String) throws(TrainingError) -> TrainablePorts {
    do { return try TrainablePorts(model) } catch {
      throw .unsuitableModel(path: path, detail: "\(error)")
    }
  }

  /// The graph for one image of the batch's sides.
  private static func imported(
    _ model: ONNXModel, _ path: String, _ ports: TrainablePorts, _ batch: Batch, _ candidates: [String]
  ) throws(TrainingError) -> (Graph, [String]) {
    func graph(_ height: Int, _ width: Int) throws(ONNXError) -> (Graph, [String]) {
      var port = ports.image
      if port.isBatchOpen { port.batch = 1 }
      let shape = port.shape(height: port.height ?? height, width: port.width ?? width)
      var shapes = [port.name: shape]
      if let noise = ports.noise { shapes[noise.name] = noise.shape }
      let bound = model.withInputShapes(shapes)
      return try ONNXImporter(bound, path: path).trainingGraph(
        binding: ONNXBinding(), candidates: candidates)
    }
    do { return try graph(batch.height, batch.width) } catch {
      // Whether it is the size that does not fit.
      guard (try? graph(256, 256)) != nil else { throw .model(error) }
      throw .unsuitableModel(
        path: path,
        detail:
          "it does not take crops of \(batch.height)×\(batch.width) pixels, but such of 256×256: take crops of "
          + "a multiple of 8, 16 or 32 (--crop)")
    }
  }
}

extension Graph {
  /// The logits `[1, taskCount]`, under whatever shape, of the products with weights called
  /// `….router.weight`.
  fileprivate func routerLogits(taskCount: Int) -> [ValueID] {
    var result: [ValueID] = []
    for input in inputs where self[input].name.hasSuffix("router.weight") {
      var work = [input]
      while let value = work.popLast() {
        for user in users(of: value) {
          switch self[user].operator {
          case is Reshape, is Transpose: work += self[user].outputs
          case is MatrixMultiply, is Convolution:
            let logits = self[user].outputs[0]
            if self[logits].type.shape.elementCount == taskCount { result.append(logits) }
          default: break
          }
        }
      }
    }
    return result.sorted()
  }

  /// Inputs that are a batch normalization's mean or variance: measured, not trained.
  fileprivate var statisticNames: Set<String> {
    var result: Set<String> = []
    for id in nodesInOrder where self[id].operator is BatchNormalization {
      for input in self[id].inputs.suffix(2) { result.insert(self[input].name) }
    }
    return result
  }
}
