import IRGraph
import IRTensor

/// A restorer as its paper describes it: settings, and a builder of its graph for official weights.
package protocol RestorationNetwork: ParameterizedNetwork {
  associatedtype Configuration: NetworkConfiguration

  /// The name on the command line: `symunet`.
  static var name: String { get }
  static var card: NetworkCard { get }
  /// Settings with a name, the default first.
  static var presets: [(name: String, configuration: Configuration)] { get }

  init(_ configuration: Configuration)
  var configuration: Configuration { get }

  /// Channels of the input picture.
  var channelCount: Int { get }
  /// The degradations that a router tells apart, in the order of the output `routing`.
  var taskNames: [String] { get }
  /// The number that the graph needs sides to be multiples of: 1 where it pads and crops.
  var multiple: Int { get }
  /// The network with what only a file of weights can tell: the parameters that it has, by name.
  func adapted(to shapes: [String: Shape]) -> Self

  /// Adds the network's nodes on `image`, `[N, channelCount, H, W]` float32, sRGB in 0...1.
  /// - Returns: the restored picture, of the same size, not clipped.
  func build(_ image: ValueID, _ b: inout NetworkBuilder) throws(GraphError) -> ValueID
}

extension RestorationNetwork {
  package var channelCount: Int { 3 }
  package var multiple: Int { 1 }
  package var taskNames: [String] { [] }
  package func adapted(to shapes: [String: Shape]) -> Self { self }

  /// A picture's sides at which graphs are built where nobody asks for others.
  package var sampleSides: (height: Int, width: Int) {
    (max(multiple, 64), max(multiple, 64) + max(multiple, 32))
  }

  /// The network's parameters, in the order of use, those that it never reads included.
  package func parameters() throws(ModelError) -> [Parameter] {
    let sides = sampleSides
    return try built([1, channelCount, sides.height, sides.width], nil).parameters
  }

  /// The network for pictures of this shape, with an input `image`, parameters as constants of their official
  /// names, and an output `restored`. It holds for other sides too (`Graph.rebound`). `weights` has every
  /// parameter that is used, as `match` makes them.
  /// - Throws: `ModelError.graph` if settings or sides do not fit together.
  package func graph(weights: [String: Tensor], image: Shape) throws(ModelError) -> Graph {
    try built(image, weights).finished()
  }

  /// As above, parameters being inputs of the graph.
  package func graph(image: Shape) throws(ModelError) -> Graph { try built(image, nil).finished() }

  private func built(_ image: Shape, _ weights: [String: Tensor]?) throws(ModelError) -> NetworkBuilder {
    var builder = NetworkBuilder(name: Self.name, weights: weights)
    let input = builder.input("image", TensorType(.float32, image))
    do {
      builder.finish(try build(input, &builder))
    } catch { throw .graph(error) }
    return builder
  }

}

/// The facts that people should know of a network before they use it.
package struct NetworkCard: Hashable, Sendable {
  /// As the paper writes it: `SymUNet`.
  package var title: String
  package var paper: String
  /// The degradations that it removes.
  package var task: String
  /// The licence of the authors' code and weights, where they published some.
  package var licence: String
  /// The data that the authors trained on.
  package var trainingData: String
  /// Numbers that the paper or its authors state, with data set and metric.
  package var published: String

  package init(
    title: String, paper: String, task: String, licence: String, trainingData: String, published: String
  ) {
    self.title = title
    self.paper = paper
    self.task = task
    self.licence = licence
    self.trainingData = trainingData
    self.published = published
  }
}
