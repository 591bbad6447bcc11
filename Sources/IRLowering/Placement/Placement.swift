import IRGraph
import IRRewriting
import IRTensor

/// Places of values.
extension Lowering {
  /// A buffer with more parts is planned as one.
  private static let partLimit = 17

  /// The bytes of a value: another value's, and from where on.
  private func place(of value: ValueID, among made: Set<ValueID>) -> ValuePlace {
    joined.resolved(graph.place(of: value, among: made))
  }

  /// A program of the work, with a place for each value in the arena, among the inputs or among the
  /// constants.
  func placed(_ work: [Work], _ report: CompilationReport) -> Program {
    var lifetimes: [BufferLifetime] = []
    var rows: [Range<Int>] = []
    var bufferOf: [ValueID: Int] = [:]
    let made = Set(work.flatMap(\.outputs))
    let uses = uses(work, made)
    let lastUse = uses.mapValues { $0.reduce(0) { max($0, $1.step) } }
    var workspaceOf: [Int?] = []
    for (step, item) in work.enumerated() {
      let inPlace = inPlaceBuffer(step, item, made, bufferOf, lastUse, lifetimes)
      for (index, output) in item.outputs.enumerated() {
        if let home = joined.places[output] {
          guard bufferOf[home.root] == nil else { continue }
          bufferOf[home.root] = lifetimes.count
          lifetimes.append(
            BufferLifetime(
              start: step, end: lastUse[home.root] ?? step, byteCount: graph[home.root].type.byteCount))
          continue
        }
        let end = lastUse[output] ?? step
        if index == 0, let inPlace {
          lifetimes[inPlace].end = end
          bufferOf[output] = inPlace
          continue
        }
        let first = lifetimes.count
        bufferOf[output] = first
        lifetimes += parts(of: output, from: step, uses[output] ?? [])
        if lifetimes.count > first + 1 { rows.append(first..<lifetimes.count) }
      }
      let workspace = item.kernel.workspaceByteCount
      workspaceOf.append(workspace > 0 ? lifetimes.count : nil)
      if workspace > 0 { lifetimes.append(BufferLifetime(start: step, end: step, byteCount: workspace)) }
    }
    let plan = planMemory(for: lifetimes, rows: rows, alignment: TensorStorage.alignment)
    var constants: [Tensor] = []
    var constantIndex: [ValueID: Int] = [:]
    func location(_ value: ValueID) -> Program.Location {
      let place = place(of: value, among: made)
      let (value, offset) = (place.root, place.byteOffset)
      if let buffer = bufferOf[value] { return .arena(offset: plan.offsets[buffer] + offset) }
      if let input = graph.inputs.firstIndex(of: value) { return .input(input, offset: offset) }
      if let known = constantIndex[value] { return .constant(known, offset: offset) }
      guard let tensor = graph.constant(value) else { preconditionFailure("\(value) has no place") }
      constants.append(tensor)
      constantIndex[value] = constants.count - 1
      return .constant(constants.count - 1, offset: offset)
    }
    let steps = work.enumerated().map { step, item -> Program.Step in
      Program.Step(
        node: item.name, operatorName: item.operatorName, kernel: item.kernel,
        inputs: item.inputs.map(location), outputs: item.outputs.map(location),
        workspaceOffset: workspaceOf[step].map { plan.offsets[$0] },
        multiplyAddCount: item.multiplyAddCount,
        byteCount: (item.inputs + item.outputs).reduce(0) { $0 + graph[$1].type.byteCount },
        outputTypes: item.outputs.map { graph[$0].type })
    }
    return Program(
      name: graph.name,
      inputs: graph.inputs.map {
        Program.Port(name: graph[$0].name, type: graph[$0].type, location: location($0))
      },
      outputs: graph.outputs.map {
        Program.Port(name: $0.name, type: graph[$0.value].type, location: location($0.value))
      },
      steps: steps, constants: constants, memoryPlan: plan, report: report,
      threadCount: threadCount)
  }

  /// Which bytes of each value are read by which steps; results of the graph are read after the last.
  private func uses(_ work: [Work], _ made: Set<ValueID>) -> [ValueID: [(bytes: Range<Int>, step: Int)]] {
    var result: [ValueID: [(bytes: Range<Int>, step: Int)]] = [:]
    func add(_ value: ValueID, _ step: Int) {
      let place = place(of: value, among: made)
      let end = place.byteOffset + graph[value].type.byteCount
      result[place.root, default: []].append((place.byteOffset..<end, step))
    }
    for (step, item) in work.enumerated() { for input in item.inputs { add(input, step) } }
    for output in graph.outputs { add(output.value, work.count) }
    return result
  }

  /// A value's buffer, in parts where some of its bytes are needed longer than others.
  private func parts(
    of value: ValueID, from step: Int, _ uses: [(bytes: Range<Int>, step: Int)]
  ) -> [BufferLifetime] {
    let byteCount = graph[value].type.byteCount
    var bounds: Set<Int> = [0, byteCount]
    for use in uses { bounds.formUnion([use.bytes.lowerBound, use.bytes.upperBound]) }
    let sorted = bounds.filter { (0...byteCount).contains($0) }.sorted()
    guard byteCount > 0, sorted.count <= Self.partLimit else {
      let end = uses.reduce(step) { max($0, $1.step) }
      return [BufferLifetime(start: step, end: end, byteCount: byteCount)]
    }
    var result: [BufferLifetime] = []
    for (low, high) in zip(sorted, sorted.dropFirst()) {
      let end = uses.reduce(step) { $1.bytes.overlaps(low..<high) ? max($0, $1.step) : $0 }
      if let last = result.indices.last, result[last].end == end {
        result[last].byteCount += high - low
      } else {
        result.append(BufferLifetime(start: step, end: end, byteCount: high - low))
      }
    }
    return result
  }

  /// The buffer of an input that ends here and that the kernel may overwrite.
  private func inPlaceBuffer(
    _ step: Int, _ work: Work, _ made: Set<ValueID>, _ bufferOf: [ValueID: Int], _ lastUse: [ValueID: Int],
    _ lifetimes: [BufferLifetime]
  ) -> Int? {
    guard let output = work.outputs.first, joined.places[output] == nil else { return nil }
    for index in work.kernel.inPlaceInputs where index < work.inputs.count {
      let place = place(of: work.inputs[index], among: made)
      let value = place.root
      guard place.byteOffset == 0, let buffer = bufferOf[value], lastUse[value] == step,
        lifetimes[buffer].end == step,
        lifetimes[buffer].byteCount == graph[output].type.byteCount,
        work.inputs.count(where: { self.place(of: $0, among: made).root == value }) == 1
      else { continue }
      return buffer
    }
    return nil
  }
}
