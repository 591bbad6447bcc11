import IRGraph
import IRTensor

/// One of the networks that work together in a restorer, with inputs and outputs of its own.
package protocol PartNetwork: ParameterizedNetwork {
  associatedtype Configuration: NetworkConfiguration

  /// The graph's name.
  static var name: String { get }
  var configuration: Configuration { get }
  /// A small shape of the first input.
  var sampleShape: Shape { get }
  /// Axes of inputs that a frozen file may leave open, with their symbols.
  var openSizes: [String: [Int: String]] { get }

  /// Adds the inputs, the first of which has this shape, the network, and the outputs.
  func build(_ shape: Shape, _ b: inout NetworkBuilder) throws(GraphError)
}

extension PartNetwork {
  package var openSizes: [String: [Int: String]] { [:] }

  package func parameters() throws(ModelError) -> [Parameter] { try built(sampleShape, nil).parameters }

  /// The network for a first input of this shape, parameters as constants of their official names.
  /// - Throws: `ModelError.graph` if settings or sizes do not fit together.
  package func graph(weights: [String: Tensor], shape: Shape) throws(ModelError) -> Graph {
    try built(shape, weights).finished()
  }

  /// As above, parameters being inputs of the graph.
  package func graph(shape: Shape) throws(ModelError) -> Graph { try built(shape, nil).finished() }

  private func built(_ shape: Shape, _ weights: [String: Tensor]?) throws(ModelError) -> NetworkBuilder {
    var builder = NetworkBuilder(name: Self.name, weights: weights)
    do { try build(shape, &builder) } catch { throw .graph(error) }
    builder.finish()
    return builder
  }
}
