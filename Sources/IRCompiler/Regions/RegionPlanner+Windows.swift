import IRGraph
import IRTensor

/// Windows and their weights.
extension RegionPlanner {
  /// Some channels of a depthwise convolution.
  func depthwise(_ id: NodeID, from channel: Int, count: Int) -> RegionPlan.Depthwise? {
    let inputs = graph[id].inputs
    guard case .depthwise(let fused) = operations[id], let weight = graph.placedConstant(inputs[1]) else {
      return nil
    }
    let shape = graph[inputs[1]].type.shape
    let channels = channel..<(channel + count)
    let bias =
      fused.hasBias
      ? graph.placedConstant(inputs[2])?.reshaped(to: [shape[0]]).part(alongFirstAxis: channels) : nil
    return RegionPlan.Depthwise(
      convolution: fused, weight: weight.reshaped(to: shape).part(alongFirstAxis: channels), bias: bias)
  }

  func firstChannel(of part: ValueID, in value: ValueID) -> Int {
    guard let view = graph.producer(of: part), case .channels(let starts) = operations[view],
      let index = graph[view].outputs.firstIndex(of: part)
    else { return 0 }
    return starts[index]
  }

  func weightShape(_ id: NodeID) -> Shape? {
    graph[id].inputs.count > 1 ? graph[graph[id].inputs[1]].type.shape : nil
  }
}
