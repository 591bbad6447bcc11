import IRGraph
import IRTensor

/// What can be wrong with a network, its configuration or its weights.
public enum ModelError: Error, Sendable {
  /// No network of this name.
  case unknownNetwork(name: String, available: [String])
  /// Settings that make no network.
  case configuration(String)
  /// Everything that keeps weights from fitting, all at once.
  case weights([WeightProblem])
  case graph(GraphError)
}

/// One weight that does not fit.
public enum WeightProblem: Hashable, Sendable {
  case missing(Parameter, nearest: String?)
  case unexpected(name: String, TensorType, nearest: String?)
  case shape(Parameter, found: Shape)
}
