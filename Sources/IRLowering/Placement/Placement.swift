import IRGraph
import IRRewriting
import IRTensor

/// Places of values.
extension Lowering {
  /// A buffer with more parts is planned as one.
  private static let partLimit = 17

  /// The bytes of a value: another value's, and from where on.
  func place(of value: ValueID, among made: Set<ValueID>) -> ValuePlace {
    joined.resolved(graph.place(of: value, among: made))
  }

  /// A program of the work, with a place for each value in the arena, among the inputs or among the
  /// constants.
  func placed(_ work: [Work], _ report: CompilationReport) -> Program {
    let made = Set(work.flatMap(\.outputs))
    let buffers = buffers(for: work, made)
    let plan = planMemory(
      for: buffers.lifetimes, rows: buffers.rows, alignment: TensorStorage.alignment)
    var constants: [Tensor] = []
    var constantIndex: [ValueID: Int] = [:]
    func location(_ value: ValueID) -> Program.Location {
      let place = place(of: value, among: made)
      let (value, offset) = (place.root, place.byteOffset)
      if let buffer = buffers.ofValue[value] { return .arena(offset: plan.offsets[buffer] + offset) }
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
        workspaceOffset: buffers.ofWorkspace[step].map { plan.offsets[$0] },
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

  /// The buffers of values and workspaces, not yet placed.
  private struct Buffers {
    var lifetimes: [BufferLifetime] = []
    /// The parts of values that have several, which follow each other in memory.
    var rows: [Range<Int>] = []
    /// The first buffer of each value.
    var ofValue: [ValueID: Int] = [:]
    /// The workspace of each step.
    var ofWorkspace: [Int?] = []

    /// Adds buffers for a value: one, or parts that follow each other.
    mutating func add(_ value: ValueID, _ parts: [BufferLifetime]) {
      let first = lifetimes.count
      ofValue[value] = first
      lifetimes += parts
      if parts.count > 1 { rows.append(first..<lifetimes.count) }
    }

    mutating func addWorkspace(_ byteCount: Int, at step: Int) {
      ofWorkspace.append(byteCount > 0 ? lifetimes.count : nil)
      if byteCount > 0 { lifetimes.append(BufferLifetime(start: step, end: step, byteCount: byteCount)) }
    }
  }

  private func buffers(for work: [Work], _ made: Set<ValueID>) -> Buffers {
    let uses = uses(work, made)
    let lastUse = uses.mapValues { $0.reduce(0) { max($0, $1.step) } }
    var buffers = Buffers()
    for (step, item) in work.enumerated() {
      let inPlace = inPlaceBuffer(step, item, made, buffers.ofValue, lastUse, buffers.lifetimes)
      for (index, output) in item.outputs.enumerated() {
        let end = lastUse[output] ?? step
        if let home = joined.places[output] {
          guard buffers.ofValue[home.root] == nil else { continue }
          let byteCount = graph[home.root].type.byteCount
          buffers.add(
            home.root,
            [BufferLifetime(start: step, end: lastUse[home.root] ?? step, byteCount: byteCount)])
        } else if index == 0, let inPlace {
          buffers.lifetimes[inPlace].end = end
          buffers.ofValue[output] = inPlace
        } else {
          buffers.add(output, parts(of: output, from: step, uses[output] ?? []))
        }
      }
      buffers.addWorkspace(item.kernel.workspaceByteCount, at: step)
    }
    return buffers
  }

  /// Which bytes of each value are read by which steps; results of the graph are read after the last.
  func uses(_ work: [Work], _ made: Set<ValueID>) -> [ValueID: [(bytes: Range<Int>, step: Int)]] {
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
