import IRGraph

extension Lowering {
  /// The work in an order in which values end earlier; the same work where there is none.
  ///
  /// A step that may overwrite a value, and is followed by the value's last reader, whose own results are
  /// smaller, runs after that reader: the value then becomes the step's result. In a residual block whose
  /// channels change, the reader is the 1×1 convolution beside the normalization of the same feature map.
  func endingEarly(_ work: [Work]) -> [Work] {
    var result = work
    var steps = StepsOfValues(result, self)
    for reader in work.indices {
      guard let target = steps.target(of: reader, in: result, self) else { continue }
      result.insert(result.remove(at: reader), at: target)
      steps = StepsOfValues(result, self)
    }
    return result
  }

  /// Which steps make and read each value, by the value that holds its bytes.
  private struct StepsOfValues {
    var made: [ValueID: Int] = [:]
    /// In order; a step stands once for each of its inputs.
    let readers: [ValueID: [Int]]
    private let makes: Set<ValueID>

    init(_ work: [Work], _ lowering: Lowering) {
      makes = Set(work.flatMap(\.outputs))
      for (step, item) in work.enumerated() {
        for output in item.outputs { made[lowering.root(of: output, among: makes)] = step }
      }
      readers = lowering.uses(work, makes).mapValues { $0.map(\.step) }
    }

    /// The step that the reader may run before, so that this one can overwrite what both read.
    func target(of reader: Int, in work: [Work], _ lowering: Lowering) -> Int? {
      let item = work[reader]
      let byteCount = item.outputs.reduce(0) { $0 + lowering.graph[$1].type.byteCount }
      guard item.outputs.allSatisfy({ lowering.joined.places[$0] == nil }) else { return nil }
      let roots = Set(item.inputs.map { lowering.root(of: $0, among: makes) })
      let ready = roots.compactMap { made[$0] }.reduce(-1, max) + 1
      for root in roots where made[root] != nil && lowering.joined.places[root] == nil {
        guard let known = readers[root], known.last == reader,
          let other = known.last(where: { $0 != reader }),
          other >= ready, lowering.graph[root].type.byteCount > byteCount,
          overwrites(root, work[other], lowering)
        else { continue }
        return other
      }
      return nil
    }

    private func overwrites(_ root: ValueID, _ item: Work, _ lowering: Lowering) -> Bool {
      guard let output = item.outputs.first, lowering.joined.places[output] == nil,
        lowering.graph[output].type == lowering.graph[root].type
      else { return false }
      return item.kernel.inPlaceInputs.contains {
        $0 < item.inputs.count && lowering.root(of: item.inputs[$0], among: makes) == root
      }
    }
  }

  private func root(of value: ValueID, among made: Set<ValueID>) -> ValueID {
    place(of: value, among: made).root
  }
}
