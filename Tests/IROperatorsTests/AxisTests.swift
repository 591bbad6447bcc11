import IRGraph
import IROperators
import IRTensor
import IRTestSupport
import Testing

@Test func everyOperatorStatesItsAxes() {
  let silent = OperatorSet.standard.names.filter {
    !(OperatorSet.standard[$0] is any AxisMappedOperator.Type)
  }
  #expect(silent == [], "an operator states its axes in its own file (docs/adding-an-operator.md)")
}

/// A sample with the relations that its operator states.
private struct StatedSample: CustomStringConvertible {
  let sample: OperatorSample
  let operation: any AxisMappedOperator
  let types: NodeTypes

  init?(_ sample: OperatorSample) {
    guard let operation = sample.operation as? any AxisMappedOperator,
      let outputs = try? operation.outputTypes(for: sample.inputs.map(\.type))
    else { return nil }
    (self.sample, self.operation) = (sample, operation)
    types = NodeTypes(inputs: sample.inputs.map(\.type), outputs: outputs)
  }

  var description: String { sample.description }

  func map(_ output: Int, _ input: Int) -> [AxisRelation] { operation.axes(of: output, from: input, types) }
}

private let samples = OperatorSample.all.compactMap { StatedSample($0) }

private func position(_ offset: Int, in shape: Shape) -> [Int] {
  zip(shape, shape.strides).map { offset / $1 % $0 }
}

extension Tensor {
  /// With another value for each element at `offsets`.
  fileprivate func replacing(_ offsets: Set<Int>) -> Tensor {
    if elementType.isFloatingPoint {
      return Tensor(
        type,
        doubles: doubles.enumerated().map { offsets.contains($0.offset) ? $0.element + 1.5 : $0.element })
    }
    if elementType == .bool {
      return Tensor(
        booleans.enumerated().map { offsets.contains($0.offset) ? !$0.element : $0.element }, shape: shape)
    }
    return Tensor(
      type, integers: integers.enumerated().map { offsets.contains($0.offset) ? $0.element + 1 : $0.element })
  }

  /// Every position along an axis as the first.
  fileprivate func constant(along axis: Int) -> Tensor {
    var first = shape
    first[axis] = 1
    let strides = shape.strides
    let start = gathered(StridedWalk(first, strides: strides).offsets, shape: first)
    return start.broadcast(to: shape)
  }

  /// The offsets of the elements whose bits another tensor has otherwise.
  fileprivate func differences(_ other: Tensor) -> [Int] {
    let size = elementType.byteCount
    return withUnsafeBytes { a in
      other.withUnsafeBytes { b in
        (0..<shape.elementCount).filter { index in
          (index * size..<(index + 1) * size).contains { a[$0] != b[$0] }
        }
      }
    }
  }
}

/// Whether the relations let a result's position depend on an input's.
private func allows(_ map: [AxisRelation], _ result: [Int], _ source: [Int], in shape: Shape) -> Bool {
  zip(map, result).allSatisfy { relation, place in
    switch relation {
    case .same(let axis): return source[axis] == place
    case .window(let axis, let window):
      let centre = Double(place) * Double(window.stride) / Double(window.division)
      return (centre + window.first - 1e-9...centre + window.last + 1e-9).contains(Double(source[axis]))
    case .joined(let axes):
      let index = axes.reduce(0) { $0 * shape[$1] + source[$1] }
      return index == place
    case .digit, .mixed, .new: return true
    }
  }
}

/// An element of an input changes no result but those whose axes are stated to depend on it, by the
/// operators' definitions.
@Test func resultsDependOnWhatIsStated() {
  for stated in samples {
    let before = stated.sample.operation.evaluate(stated.sample.inputs)
    for input in stated.sample.inputs.indices {
      let shape = stated.types.inputs[input].shape
      let count = shape.elementCount
      for offset in Set([0, count / 3, count / 2, (count - 1) * 4 / 5, count - 1]) where count > 0 {
        var inputs = stated.sample.inputs
        inputs[input] = inputs[input].replacing([offset])
        let after = stated.sample.operation.evaluate(inputs)
        let source = position(offset, in: shape)
        for output in before.indices {
          let map = stated.map(output, input)
          #expect(map.count == before[output].shape.rank, "\(stated)")
          let wrong = before[output].differences(after[output]).filter {
            !allows(map, position($0, in: before[output].shape), source, in: shape)
          }
          #expect(wrong == [], "input \(input) at \(source) changes other results of \(stated)")
        }
      }
    }
  }
}

/// If every input is the same along an axis that passes through, so is the result: it does not depend on the
/// place.
@Test func axesThatPassThroughDoNotCount() {
  for stated in samples {
    for output in stated.types.outputs.indices {
      for axis in stated.types.outputs[output].shape.indices {
        let relations = stated.sample.inputs.indices.map { stated.map(output, $0)[axis] }
        var inputs = stated.sample.inputs
        var passes = true
        for (index, relation) in relations.enumerated() {
          switch relation {
          case .same(let source): inputs[index] = inputs[index].constant(along: source)
          case .new: break
          default: passes = false
          }
        }
        guard passes, stated.types.outputs[output].shape.elementCount > 0 else { continue }
        let result = stated.sample.operation.evaluate(inputs)[output]
        #expect(result.differences(result.constant(along: axis)) == [], "axis \(axis) of \(stated)")
      }
    }
  }
}

@Test func reshapesPairAxes() {
  func axes(_ old: Shape, _ new: Shape) -> [AxisRelation] {
    let types = NodeTypes(inputs: [TensorType(.float32, old)], outputs: [TensorType(.float32, new)])
    return Reshape(shape: new).axes(of: 0, from: 0, types)
  }
  #expect(axes([1, 6, 4, 5], [1, 6, 20]) == [.same(0), .same(1), .joined(2..<4)])
  #expect(
    axes([1, 6, 20], [1, 2, 3, 4, 5])
      == [
        .same(0), .digit(of: 1, step: 3), .digit(of: 1, step: 1), .digit(of: 2, step: 5),
        .digit(of: 2, step: 1),
      ])
  #expect(axes([6, 4], [1, 6, 1, 4]) == [.new, .same(0), .new, .same(1)])
  #expect(axes([4, 6], [6, 4]) == [.mixed, .mixed])
  #expect(axes([1, 1], []) == [])
  #expect(axes([0, 3], [3, 0]) == [.mixed, .mixed])
}
