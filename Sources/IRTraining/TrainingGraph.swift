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

  var imageGradients: ImageGradients {
    ImageGradients(
      graph: graph,
      inputNames: Set([imageName, Self.targetName, Self.tasksName] + (noise.map { [$0.name] } ?? [])),
      parameters: parameters, routerCount: routerCount)
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

  /// Adds loss and gradients to a model.
  /// - Parameters:
  ///   - model: The model to train.
  ///   - path: Its name in errors.
  ///   - batch: The images of a step.
  ///   - loss: The loss of a step.
  ///   - taskCount: The number of tasks; routers with as many logits are trained on the data's tasks.
  ///   - isTrained: Whether a weight of this name is trained.
  /// - Throws: `TrainingError` with the reason why the model cannot be trained.
  package init(
    model: ONNXModel, path: String, batch: Batch, loss: Loss, taskCount: Int = 0,
    isTrained: (String) -> Bool = { _ in true }
  ) throws(TrainingError) {
    let ports = try Self.ports(of: model, path)
    let (forward, parameters) = try Self.forward(model, path, ports, batch)
    let routers = try Self.routers(of: forward.graph, loss, taskCount, path)
    self.batch = batch
    imageName = ports.image.name
    let inputs = Set(forward.graph.inputs.map { forward.graph[$0].name })
    noise = ports.noise.flatMap { inputs.contains($0.name) ? $0 : nil }
    imageType = forward.graph[forward.prediction].type
    routerCount = routers.count
    self.taskCount = routers.isEmpty ? 0 : taskCount
    let statistics = forward.graph.statisticNames
    let wanted = parameters.filter { isTrained($0) && !statistics.contains($0) }
    let (graph, trained) = try Self.withGradients(forward, loss, routers, self.taskCount, of: wanted)
    guard !trained.isEmpty else { throw .noParameters(path: path) }
    self.graph = graph
    self.parameters = trained
    let known = Set(trained)
    frozen = parameters.filter { !known.contains($0) }
  }

  /// A graph for one image, and its prediction.
  private struct Forward {
    var graph: Graph
    var prediction: ValueID
  }

  /// The model's graph for one image of the batch, recognised, and the names of its weights.
  private static func forward(
    _ model: ONNXModel, _ path: String, _ ports: TrainablePorts, _ batch: Batch
  ) throws(TrainingError) -> (Forward, parameters: [String]) {
    func image(_ graph: Graph) -> ValueID? { graph.inputs.first { graph[$0].name == ports.image.name } }
    func unsuitable(_ detail: String) -> TrainingError { .unsuitableModel(path: path, detail: detail) }
    let (whole, parameters) = try imported(model, path, ports, batch, model.parameterCandidates)
    var graph = whole
    guard let shape = image(graph).map({ graph[$0].type.shape }) else {
      throw unsuitable("its input \(ports.image.name) is not used")
    }
    guard shape.suffix(2).elementsEqual([batch.height, batch.width]) else {
      throw unsuitable(
        "it was exported for pictures of \(shape.suffix(2).map(String.init).joined(separator: "×")) pixels: "
          + "take crops of that size (--crop)")
    }
    guard shape[0] == 1 else {
      throw unsuitable("it was exported for \(shape[0]) pictures at once: export it for one")
    }
    do { graph = try Rewriter().recognized(graph) } catch { throw .compiler(error) }
    guard let type = image(graph).map({ graph[$0].type }), let prediction = graph.outputs.first?.value else {
      throw unsuitable("it has no output")
    }
    guard graph[prediction].type == type else {
      throw unsuitable("its output is \(graph[prediction].type) for an image of \(type)")
    }
    return (Forward(graph: graph, prediction: prediction), parameters)
  }

  /// The logits of the routers that the loss trains.
  private static func routers(
    of graph: Graph, _ loss: Loss, _ taskCount: Int, _ path: String
  ) throws(TrainingError) -> [ValueID] {
    guard loss.routerWeight != 0 else { return [] }
    let routers = graph.routerLogits(taskCount: taskCount)
    guard !routers.isEmpty else {
      throw .unsuitableModel(
        path: path,
        detail: "it has no router of \(taskCount) tasks (a weight …router.weight): --router-weight 0")
    }
    return routers
  }

  /// The graph with the loss and its gradients by the wanted weights as outputs, and the names of the weights
  /// that have one.
  private static func withGradients(
    _ forward: Forward, _ loss: Loss, _ routers: [ValueID], _ taskCount: Int, of wanted: [String]
  ) throws(TrainingError) -> (Graph, trained: [String]) {
    var graph = forward.graph
    let byName = Dictionary(uniqueKeysWithValues: graph.inputs.map { (graph[$0].name, $0) })
    let type = graph[forward.prediction].type
    graph.outputs = []
    var builder = GraphBuilder(extending: graph)
    let total: ValueID
    do {
      let target = builder.input(targetName, type)
      let tasks = routers.isEmpty ? nil : builder.input(tasksName, TensorType(.float32, [1, taskCount]))
      total = try builder.inScope("loss") { (builder) throws(GraphError) in
        try loss.value(
          of: forward.prediction, target: target, routers: routers, tasks: tasks, into: &builder)
      }
    } catch { throw .graph(error) }
    do throws(AutodiffError) {
      var (whole, gradients) = try builder.graph.gradients(
        of: total, withRespectTo: wanted.compactMap { byName[$0] })
      var trained: [String] = []
      whole.addOutput(total, name: lossName)
      for (name, gradient) in zip(wanted, gradients) {
        guard let gradient else { continue }
        whole.addOutput(gradient, name: gradientName(name))
        trained.append(name)
      }
      for (index, logits) in routers.enumerated() { whole.addOutput(logits, name: logitsName(index)) }
      whole.removeDeadNodes()
      return (whole, trained)
    } catch { throw .autodiff(error) }
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
