import IRGraph
import IROperators
import IRTensor

extension NetworkBuilder {
  /// Layer normalization over the channels of every pixel: `<name>.weight`, `<name>.bias`.
  package mutating func channelNormalization(
    _ x: ValueID, _ name: String, epsilon: Float = 1e-5
  ) throws(GraphError) -> ValueID {
    let count = channels(x)
    let scale = try parameter("\(name).weight", [count], .constant(1))
    let bias = try parameter("\(name).bias", [count], .constant(0))
    return try apply(LayerNormalization(axes: [1], epsilon: epsilon), x, scale, bias, name: name)
  }

  /// Restormer's bias-free kind: x / √(variance + ε) · weight, the mean left in.
  package mutating func biasFreeNormalization(_ x: ValueID, _ name: String) throws(GraphError) -> ValueID {
    let count = channels(x)
    let scale = try parameter("\(name).weight", [count], .constant(1))
    let mean = try apply(Reduce(.mean, axes: [1]), x, name: "\(name).mean")
    let centred = try apply(Binary(.subtract), x, mean, name: "\(name).centred")
    let square = try product(centred, centred, "\(name).square")
    let variance = try apply(Reduce(.mean, axes: [1]), square, name: "\(name).variance")
    let epsilon = constant([1e-5], [1], "\(name).epsilon")
    let root = try apply(Unary(.sqrt), try sum(variance, epsilon, "\(name).shifted"), name: "\(name).root")
    let unit = try apply(Binary(.divide), x, root, name: "\(name).unit")
    let column = try apply(Reshape(shape: [count, 1, 1]), scale, name: "\(name).column")
    return try product(unit, column, name)
  }

  /// Layer normalization of tokens `[N, T, C]` over their last axis.
  package mutating func tokenNormalization(
    _ x: ValueID, _ name: String, epsilon: Float = 1e-5
  ) throws(GraphError) -> ValueID {
    let shape = shape(of: x)
    let count = shape.last ?? 1
    let scale = try parameter("\(name).weight", [count], .constant(1))
    let bias = try parameter("\(name).bias", [count], .constant(0))
    return try apply(
      LayerNormalization(axes: [shape.rank - 1], epsilon: epsilon), x, scale, bias, name: name)
  }

  /// Group normalization: `<name>.weight`, `<name>.bias`.
  package mutating func groupNormalization(
    _ x: ValueID, _ name: String, groups: Int, epsilon: Float
  ) throws(GraphError) -> ValueID {
    let count = channels(x)
    let scale = try parameter("\(name).weight", [count], .constant(1))
    let bias = try parameter("\(name).bias", [count], .constant(0))
    return try apply(
      GroupNormalization(groupCount: groups, epsilon: epsilon), x, scale, bias, name: name)
  }
}
