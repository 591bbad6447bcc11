import IRGraph
import IRTensor

/// A fault of a network, of its configuration or of its weights.
package enum ModelError: Error, Sendable {
  /// No network of this name.
  case unknownNetwork(name: String, available: [String])
  /// Settings that make no network.
  case configuration(String)
  /// Everything that keeps weights from fitting, all at once.
  case weights([WeightProblem])
  case graph(GraphError)
}

/// One weight that does not fit.
package enum WeightProblem: Hashable, Sendable {
  case missing(Parameter, nearest: String?)
  case unexpected(name: String, TensorType, nearest: String?)
  case shape(Parameter, found: Shape)
}
