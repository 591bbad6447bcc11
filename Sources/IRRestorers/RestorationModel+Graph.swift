import IRGraph
import IROperators
import IRTensor

extension RestorationModel {
  /// Pixels that the network sees before and behind the picture on each axis: those that windows without
  /// padding take from the result, and those that complete its sides.
  package var padding: (before: Int, after: Int) {
    let before = (output.loss + 2 * scale - 1) / (2 * scale)
    let rest = (sides.remainder - 2 * before) % sides.multiple
    return (before, before + (rest < 0 ? rest + sides.multiple : rest))
  }

  /// The only sides of a picture that the graphs take, nil if they are open.
  package var fixedSides: (height: Int?, width: Int?) {
    let (before, after) = padding
    return (sides.height.map { $0 - before - after }, sides.width.map { $0 - before - after })
  }

  /// The input of the graphs for the noise level.
  package var noiseName: String? {
    switch noise {
    case .input(let name): name
    case .channel: "\(image.name).noise"
    case nil: nil
    }
  }

  /// A noise level, σ of 0...255, as the network takes it.
  package func noiseValue(_ level: Double) -> Double {
    level / 255 * inputRange.spans.reduce(0, +) / Double(inputRange.spans.count)
  }

  /// The graph for a picture of these sides: it takes `[1, planeCount, H, W]` float32 under the image's name,
  /// the picture in 0...1 and the other pictures behind it, and gives `[1, C, scale · H, scale · W]` float32
  /// in 0...1. With `keepsOutputs` the file's other outputs stay, as the file has them.
  package func graph(height: Int, width: Int, keepsOutputs: Bool = false) throws -> Graph {
    let (before, after) = padding
    var graph = try bound.graph(
      height: sides.height ?? height + before + after, width: sides.width ?? width + before + after)
    if !keepsOutputs, graph.outputs.count > 1 {
      graph.outputs.removeAll { $0.name != output.name }
      graph.removeDeadNodes()
    }
    guard !isPlain else { return graph }
    var adapter = PortAdapter(model: self, graph: graph, height: height, width: width)
    return try adapter.adapted()
  }

  /// Whether the output's numbers are those of a picture: a mask or a depth of one channel beside colour is
  /// 0...1.
  var outputIsRanged: Bool { output.channelCount == channelCount || output.port.elementType == .uint8 }

  /// Whether the file's own graph is what pictures need.
  private var isPlain: Bool {
    image.isPlain && output.port.isPlain && pictures.isEmpty && noise != .channel && padding == (0, 0)
      && inputRange == .unit && outputRange == .unit && !isBlueFirst
  }
}

/// Puts nodes around a network, so that it takes and gives pictures in one form.
private struct PortAdapter {
  let model: RestorationModel
  let height: Int
  let width: Int
  private let network: Graph
  private var builder: GraphBuilder

  init(model: RestorationModel, graph: Graph, height: Int, width: Int) {
    self.model = model
    self.height = height
    self.width = width
    network = graph
    builder = GraphBuilder(extending: graph)
  }

  mutating func adapted() throws -> Graph {
    let name = model.image.name
    let planes = builder.input("\(name).picture", TensorType(.float32, [1, model.planeCount, height, width]))
    var replaced: [(old: ValueID, new: ValueID)] = []
    var first = 0
    for (index, port) in ([model.image] + model.pictures).enumerated() {
      let count = index == 0 ? model.channelCount : port.channelCount
      defer { first += count }
      guard let old = network.inputs.first(where: { network[$0].name == port.name }) else { continue }
      var value = try channels(planes, first, count)
      // A map of one channel beside the image is not colour.
      let hasRange = count == model.channelCount && (index == 0 || count == 3)
      if hasRange { value = try stretched(value, model.inputRange) }
      if index == 0, model.isBlueFirst { value = try reversed(value) }
      value = try padded(value)
      if index == 0, model.noise == .channel { value = try withNoise(value) }
      replaced.append((old, try laidOut(value, as: port, network[old].type)))
    }
    let restored = try picture(of: model.output, replaced)
    var graph = builder.graph
    for (old, new) in replaced { graph.replaceUses(of: old, with: new) }
    for index in graph.outputs.indices where graph.outputs[index].name == model.output.name {
      graph.outputs[index].value = restored
    }
    graph.removeInputs(replaced.map(\.old))
    graph.rename(planes, to: name)
    graph.removeDeadNodes()
    try graph.verify()
    return graph
  }

  private mutating func value(_ operation: any Operator, _ inputs: ValueID...) throws -> ValueID {
    try builder.inScope("picture") { builder in try builder.value(operation, inputs) }
  }

  private mutating func channels(_ planes: ValueID, _ first: Int, _ count: Int) throws -> ValueID {
    let shape = builder.shape(of: planes)
    guard count != shape[1] else { return planes }
    return try value(
      Slice(starts: [0, first, 0, 0], steps: [1, 1, 1, 1], extents: [shape[0], count, shape[2], shape[3]]),
      planes)
  }

  private mutating func reversed(_ planes: ValueID) throws -> ValueID {
    let shape = builder.shape(of: planes)
    return try value(
      Slice(starts: [0, shape[1] - 1, 0, 0], steps: [1, -1, 1, 1], extents: shape.extents), planes)
  }

  private mutating func scaled(_ x: ValueID, by factors: [Double], plus terms: [Double]) throws -> ValueID {
    func operand(_ numbers: [Double]) -> ValueID {
      builder.constant(Tensor(numbers.map { Float($0) }, shape: [1, numbers.count, 1, 1]))
    }
    var result = x
    if factors.contains(where: { $0 != 1 }) {
      result = try value(Binary(.multiply), result, operand(factors))
    }
    if terms.contains(where: { $0 != 0 }) { result = try value(Binary(.add), result, operand(terms)) }
    return result
  }

  /// 0...1 as the network's range.
  private mutating func stretched(_ x: ValueID, _ range: ValueRange) throws -> ValueID {
    try scaled(x, by: range.spans, plus: range.black)
  }

  /// The network's range as 0...1.
  private mutating func unstretched(_ y: ValueID, _ range: ValueRange) throws -> ValueID {
    try scaled(
      y, by: range.spans.map { 1 / $0 }, plus: zip(range.black, range.spans).map { -$0 / $1 })
  }

  private mutating func padded(_ x: ValueID) throws -> ValueID {
    let (before, after) = model.padding
    guard before + after > 0 else { return x }
    return try value(Pad(before: [0, 0, before, before], after: [0, 0, after, after], mode: .reflect), x)
  }

  private mutating func withNoise(_ x: ValueID) throws -> ValueID {
    let shape = builder.shape(of: x)
    let level = builder.input(model.noiseName ?? "noise", TensorType(.float32, [1, 1, 1, 1]))
    let map = try value(Expand(shape: [1, 1, shape[2], shape[3]]), level)
    return try value(Concatenate(axis: 1), x, map)
  }

  /// `[1, C, H, W]` float32 as an input of the network.
  private mutating func laidOut(_ x: ValueID, as port: ImagePort, _ type: TensorType) throws -> ValueID {
    var result = x
    if type.elementType == .uint8 {
      result = try value(Activation(.clip, alpha: 0, beta: 255), try value(Unary(.round), result))
    }
    if type.elementType != .float32 { result = try value(Cast(to: type.elementType), result) }
    if port.layout == .nhwc || port.layout == .hwc {
      result = try value(Transpose(permutation: [0, 2, 3, 1]), result)
    }
    if !port.layout.hasBatch { return try value(Reshape(shape: type.shape), result) }
    return port.batch == 1 ? result : try value(Expand(shape: type.shape), result)
  }

  /// An output of the network as `[1, C, scale · H, scale · W]` float32 in 0...1.
  private mutating func picture(
    of output: RestoredOutput, _ replaced: [(old: ValueID, new: ValueID)]
  ) throws -> ValueID {
    guard let own = network.outputs.first(where: { $0.name == output.name })?.value else {
      throw RestorerRefusal("its graph lost the output \(output.name)")
    }
    // If the network gives an input back, that is the adapted one.
    var result = replaced.first { $0.old == own }?.new ?? own
    let port = output.port
    let type = builder.type(of: result)
    if port.batch > 1 {
      var extents = type.shape.extents
      extents[0] = 1
      result = try value(
        Slice(starts: extents.map { _ in 0 }, steps: extents.map { _ in 1 }, extents: extents), result)
    }
    if !port.layout.hasBatch { result = try value(Reshape(shape: Shape([1] + type.shape.extents)), result) }
    if port.layout == .nhwc || port.layout == .hwc {
      result = try value(Transpose(permutation: [0, 3, 1, 2]), result)
    }
    if type.elementType != .float32 { result = try value(Cast(to: .float32), result) }
    result = try channels(result, 0, output.channelCount)
    if model.isBlueFirst, output.channelCount == 3 { result = try reversed(result) }
    if model.outputIsRanged { result = try unstretched(result, model.outputRange) }
    return try cropped(result, output)
  }

  private mutating func cropped(_ y: ValueID, _ output: RestoredOutput) throws -> ValueID {
    let shape = builder.shape(of: y)
    let wanted = [1, shape[1], output.scale * height, output.scale * width]
    guard shape.extents != wanted else { return y }
    let start = output.scale * model.padding.before - output.loss / 2
    return try value(Slice(starts: [0, 0, start, start], steps: [1, 1, 1, 1], extents: wanted), y)
  }
}
