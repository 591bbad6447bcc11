import IRGraph
import IRTensor

func requireChannels(_ inputs: [TensorType], _ names: [String], _ name: String) throws(TypeError) {
  try requireFloating(inputs[0], name)
  guard inputs[0].shape.rank >= 2 else {
    throw TypeError("\(name).rank", "needs [N, C, …], has \(inputs[0].shape)")
  }
  for (input, what) in zip(inputs.dropFirst(), names) {
    try requireFloating(input, name)
    try requireShape(input, [inputs[0].shape[1]], what, name)
  }
}
