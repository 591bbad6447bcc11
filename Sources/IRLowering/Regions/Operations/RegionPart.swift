import IRGraph
import IROperators
import IRTensor

/// How some channels of a node's output are computed by themselves.
enum RegionPart {
  enum Input {
    /// These channels of a feature map.
    case channels(Range<Int>)
    /// These rows of a weight or a bias.
    case rows(Range<Int>)
    /// The input as it is, if its numbers are few beside the output's.
    case few
  }

  /// They are these channels of the node's first input.
  case view(Range<Int>)
  /// By a node with this operator, from these parts of the node's inputs.
  case node(any Operator, [Input])
}

extension Graph {
  /// How some channels of a value are computed by themselves, by what its node's operator states of its axes;
  /// nil if they cannot be.
  func part(_ channels: Range<Int>, of value: ValueID, by operation: any RegionOperation) -> RegionPart? {
    guard let id = producer(of: value), let output = self[id].outputs.firstIndex(of: value),
      let mapped = self[id].operator as? any AxisMappedOperator
    else { return nil }
    switch operation.slicing {
    case .none: return nil
    case .whole: guard channels == 0..<self[value].type.shape[1] else { return nil }
    case .parts: break
    }
    let types = NodeTypes(
      inputs: self[id].inputs.map { self[$0].type }, outputs: self[id].outputs.map { self[$0].type })
    if operation.viewedChannels != nil {
      switch mapped.axes(of: output, from: 0, types)[1] {
      case .same(1): return .view(channels)
      case .window(1, let window):
        let start = Int(window.first)
        return .view((channels.lowerBound + start)..<(channels.upperBound + start))
      default: return nil
      }
    }
    var inputs: [RegionPart.Input] = []
    for index in types.inputs.indices {
      let map = mapped.axes(of: output, from: index, types)
      guard let input = Self.input(types.inputs[index].shape, map, channels, of: types.outputs[output].shape)
      else { return nil }
      inputs.append(input)
    }
    return .node(operation.narrowed(mapped, to: channels), inputs)
  }

  /// The part of an input that channels of the result are computed from.
  private static func input(
    _ shape: Shape, _ map: [AxisRelation], _ channels: Range<Int>, of result: Shape
  ) -> RegionPart.Input? {
    let isFeatureMap = map[2] != .new || map[3] != .new
    switch map[1] {
    case .same(1) where isFeatureMap: return .channels(channels)
    case .mixed where isFeatureMap: return .channels(0..<shape[1])
    case .same(0): return .rows(channels)
    case .new where !isFeatureMap: return .few
    default: return channels == 0..<result[1] && !isFeatureMap ? .few : nil
    }
  }
}
