import IRAutodiff
import IRGraph
import IROperators
import IRTensor

/// A denoising UNet with its loss and the gradients of its weights, for one image of a batch.
///
/// Inputs: the UNet's `sample [1, 2C, h, w]`, `timestep [1]` and `prompt [1]`, `target [1, C, h, w]`, `weight
/// [1, C, 1, 1]`, and every weight under its name. The loss is the mean of weight · (prediction - target)².
package struct DiffusionGraph: Sendable {
  package let graph: Graph
  /// `[1, 2C, h, w]`.
  package let sampleType: TensorType
  /// The weights with gradients, in the network's order.
  package let parameters: [String]

  package static let sampleName = "sample"
  package static let timestepName = "timestep"
  package static let promptName = "prompt"
  package static let weightName = "training.weight"
  /// The inputs of the UNet itself.
  private static let ownNames = [sampleName, timestepName, promptName]

  /// Adds loss and gradients to a UNet whose weights are inputs.
  /// - Throws: `TrainingError.graph`, `.autodiff`.
  package init(_ network: Graph) throws(TrainingError) {
    let (forward, loss): (Graph, ValueID)
    do { (forward, loss) = try Self.withLoss(network) } catch { throw .graph(error) }
    let wanted = forward.inputs.filter {
      let name = forward[$0].name
      return !Self.ownNames.contains(name) && name != TrainingGraph.targetName && name != Self.weightName
    }
    do throws(AutodiffError) {
      var (whole, gradients) = try forward.gradients(of: loss, withRespectTo: wanted)
      var trained: [String] = []
      whole.addOutput(loss, name: TrainingGraph.lossName)
      for (value, gradient) in zip(wanted, gradients) {
        guard let gradient else { continue }
        let name = forward[value].name
        whole.addOutput(gradient, name: TrainingGraph.gradientName(name))
        trained.append(name)
      }
      whole.removeDeadNodes()
      (graph, parameters) = (whole, trained)
    } catch { throw .autodiff(error) }
    guard let sample = forward.inputs.first(where: { forward[$0].name == Self.sampleName }) else {
      preconditionFailure("a UNet has a sample")
    }
    sampleType = forward[sample].type
  }

  private static func withLoss(_ network: Graph) throws(GraphError) -> (Graph, loss: ValueID) {
    var graph = try network.resolvingSizes()
    guard let prediction = graph.outputs.first?.value else { preconditionFailure("a UNet has an output") }
    let type = graph[prediction].type
    graph.outputs = []
    var builder = GraphBuilder(extending: graph)
    let loss = try builder.inScope("loss") { (g) throws(GraphError) in
      let target = g.input(TrainingGraph.targetName, type)
      let weight = g.input(weightName, TensorType(.float32, [1, type.shape[1], 1, 1]))
      let square = try g.unary(.square, try g.difference(prediction, target))
      let mean = Reduce(.mean, axes: Array(type.shape.indices), keepsAxes: false)
      return try g.value(mean, [try g.product(square, weight)])
    }
    return (builder.graph, loss)
  }

  var imageGradients: ImageGradients {
    ImageGradients(
      graph: graph, inputNames: Set(Self.ownNames + [TrainingGraph.targetName, Self.weightName]),
      parameters: parameters)
  }
}
