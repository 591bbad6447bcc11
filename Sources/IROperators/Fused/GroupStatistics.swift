import IRGraph
import IRTensor

/// The statistics of a group normalization: for each channel the factor and the term by which x · factor +
/// term is the normalised x. Made by the compiler only, so that what reads the normalised values can compute
/// them row by row.
///
/// Inputs x `[N, C, H, W]`, scale `[C]`, bias `[C]`; outputs the factors and the terms `[N, C, 1, 1]`.
package struct GroupStatistics: Operator {
  package var groupCount: Int
  package var epsilon: Float
  package static let name = "GroupStatistics"

  package init(groupCount: Int, epsilon: Float = 1e-5) {
    self.groupCount = groupCount
    self.epsilon = epsilon
  }

  package func outputTypes(for inputs: [TensorType]) throws(TypeError) -> [TensorType] {
    try requireCount(inputs, 3...3, Self.name)
    try requireChannels(inputs, ["scale", "bias"], Self.name)
    let shape = inputs[0].shape
    guard shape.rank == 4 else {
      throw TypeError("GroupStatistics.featureMaps", "x is \(shape), must be of rank 4")
    }
    guard groupCount > 0, shape[1] % groupCount == 0 else {
      throw TypeError("GroupStatistics.groups", "\(shape[1]) channels in \(groupCount) groups")
    }
    let column = inputs[0].with(shape: [shape[0], shape[1], 1, 1])
    return [column, column]
  }

  package func evaluate(_ inputs: [Tensor]) -> [Tensor] {
    let shape = inputs[0].shape
    let (scale, bias) = (inputs[1].doubles, inputs[2].doubles)
    let channelsOfGroup = shape[1] / groupCount
    let moments = groupMoments(inputs[0].doubles, count: shape[0] * groupCount, epsilon: epsilon)
    var (factors, terms) = ([Double](), [Double]())
    for (group, (mean, factor)) in moments.enumerated() {
      for position in 0..<channelsOfGroup {
        let channel = group % groupCount * channelsOfGroup + position
        factors.append(factor * scale[channel])
        terms.append(bias[channel] - mean * factor * scale[channel])
      }
    }
    let column = inputs[0].type.with(shape: [shape[0], shape[1], 1, 1])
    return [Tensor(column, doubles: factors), Tensor(column, doubles: terms)]
  }
}

extension GroupStatistics: AxisMappedOperator {
  package func axes(of output: Int, from input: Int, _ types: NodeTypes) -> [AxisRelation] {
    let channels: AxisRelation = groupCount == types.inputs[0].shape[1] ? .same(1) : .mixed
    return input == 0 ? [.same(0), channels, .mixed, .mixed] : .only(1, from: 0, 4)
  }
}
