import IRGraph
import IROperators
import IRTensor

/// Which outputs of a graph may be the restored picture.
struct OutputChoice {
  let graph: Graph
  let ports: InputPorts
  /// The network's sides.
  let height: Int
  let width: Int

  private static let largestScale = 16

  /// The likeliest first, several only where the graph does not tell; and the names of all that are pictures.
  func outputs(named name: String?) throws -> (likeliest: [RestoredOutput], all: [String]) {
    let found = graph.outputs.compactMap { output in candidate(output).map { (output.value, $0) } }
    if let name {
      guard graph.outputs.contains(where: { $0.name == name }) else {
        throw RestorerRefusal(
          "it has no output \(name), but \(graph.outputs.map(\.name).joined(separator: ", "))")
      }
      guard let named = found.first(where: { $0.1.name == name }) else { throw noPicture }
      return ([named.1], found.map(\.1.name))
    }
    guard !found.isEmpty else { throw noPicture }
    // A result that other pictures go into is a step on the way to them.
    let last = found.filter { own in
      !found.contains { other in other.0 != own.0 && isMade(other.0, from: source(of: own.0)) }
    }
    let rest = (last.isEmpty ? found : last).map(\.1)
    let alike = rest.filter { $0.channelCount == ports.channelCount }
    return (alike.isEmpty ? [rest[0]] : alike, found.map(\.1.name))
  }

  private var noPicture: NoPicture {
    let types = graph.outputs.map { "\($0.name) \(graph[$0.value].type)" }
    let shown = types.prefix(4).joined(separator: ", ") + (types.count > 4 ? ", …" : "")
    let mayBeSize = graph.outputs.contains { output in
      pictures(output).contains { 2 * $0.height >= height && 2 * $0.width >= width }
    }
    return NoPicture(
      refusal: RestorerRefusal(
        "for a picture of \(height)×\(width) it gives \(shown): no picture of 1 or 3 channels whose sides are "
          + "a whole multiple of those"), mayBeSize: mayBeSize)
  }

  /// An output as a picture of each layout that its rank allows.
  private func pictures(_ output: Graph.Output) -> [(port: ImagePort, height: Int, width: Int)] {
    let type = graph[output.value].type
    guard type.elementType.isFloatingPoint || type.elementType == .uint8 else { return [] }
    let layouts = ImagePort.Layout.all(rank: type.shape.rank)
    let preferred = layouts.filter { $0 == ports.image.layout } + layouts.filter { $0 != ports.image.layout }
    return preferred.compactMap { layout in
      let batch = layout.hasBatch ? type.shape[0] : 1
      guard !layout.hasBatch || batch == ports.image.batch,
        ImagePort.channelCounts.contains(type.shape[layout.channelAxis])
      else { return nil }
      let (height, width) = (type.shape[layout.sideAxes.height], type.shape[layout.sideAxes.width])
      let port = ImagePort(
        name: output.name, layout: layout, elementType: type.elementType, batch: batch,
        channelCount: type.shape[layout.channelAxis], height: height, width: width)
      return (port, height, width)
    }
  }

  private func candidate(_ output: Graph.Output) -> RestoredOutput? {
    for (port, outputHeight, outputWidth) in pictures(output) {
      guard let (scale, loss) = relation(outputHeight, outputWidth),
        let channelCount = channelCount(of: port)
      else { continue }
      return RestoredOutput(port: port, scale: scale, loss: loss, channelCount: channelCount)
    }
    return nil
  }

  /// The channels of the result: a noise map that comes back is left out.
  private func channelCount(of port: ImagePort) -> Int? {
    switch port.channelCount {
    case 1, 3: port.channelCount
    default:
      ports.noise == .channel && port.channelCount == ports.image.channelCount ? port.channelCount - 1 : nil
    }
  }

  /// The output's sides as `scale · side - loss`.
  private func relation(_ outputHeight: Int, _ outputWidth: Int) -> (scale: Int, loss: Int)? {
    func checked(_ scale: Int) -> (Int, Int)? {
      let loss = scale * height - outputHeight
      guard (1...Self.largestScale).contains(scale), loss >= 0, loss == scale * width - outputWidth,
        2 * loss < scale * min(height, width)
      else { return nil }
      return (scale, loss)
    }
    if outputHeight % height == 0, outputWidth % width == 0, let exact = checked(outputHeight / height) {
      return exact
    }
    if height != width {
      let (sides, outputs) = (width - height, outputWidth - outputHeight)
      return outputs % sides == 0 ? checked(outputs / sides) : nil
    }
    // One size does not tell a larger scale from a border: a border is less than half of the side.
    let scale = (outputHeight + height - 1) / height
    return checked(scale).flatMap { 2 * $0.1 < height ? $0 : nil }
  }

  /// The value that an output is made of by functions of single elements.
  private func source(of value: ValueID) -> ValueID {
    var value = value
    while let producer = graph.producer(of: value) {
      let node = graph[producer]
      guard node.operator is Unary || node.operator is Activation || node.operator is Cast else { break }
      value = node.inputs[0]
    }
    return value
  }

  private func isMade(_ value: ValueID, from source: ValueID) -> Bool {
    // Every output is made from the inputs and from constants.
    guard graph.producer(of: source) != nil else { return false }
    var seen: Set<ValueID> = [value]
    var work = [value]
    while let next = work.popLast() {
      if next == source { return true }
      guard let producer = graph.producer(of: next) else { continue }
      for input in graph[producer].inputs where seen.insert(input).inserted { work.append(input) }
    }
    return false
  }
}
