import IRGraph
import IRTensor

/// A tensor seen around one run of axes: `[outer, axis, inner]` in row-major order.
package struct AxisView: Sendable {
  package var outer: Int
  package var axis: Int
  package var inner: Int

  package init(_ shape: Shape, axis: Int) { self.init(shape, axes: axis..<(axis + 1)) }

  package init(_ shape: Shape, axes: Range<Int>) {
    outer = shape.elementCount(in: 0..<axes.lowerBound)
    axis = shape.elementCount(in: axes)
    inner = shape.elementCount(in: axes.upperBound..<shape.rank)
  }

  /// Calls `body` with the offset of each line's first element; its elements are `inner` apart.
  package func forEachLine(_ body: (Int) -> Void) {
    for o in 0..<outer {
      for i in 0..<inner { body(o * axis * inner + i) }
    }
  }
}

/// Walks the elements of a shape in row-major order with an offset under other strides.
package struct StridedWalk {
  private let extents: [Int]
  private let strides: [Int]

  package init(_ shape: Shape, strides: [Int]) {
    extents = shape.extents
    self.strides = strides
  }

  /// The offset of every element, in row-major order.
  package var offsets: [Int] {
    let count = extents.reduce(1, *)
    guard count > 0 else { return [] }
    var result: [Int] = []
    result.reserveCapacity(count)
    var index = [Int](repeating: 0, count: extents.count)
    var offset = 0
    for _ in 0..<count {
      result.append(offset)
      var axis = extents.count - 1
      while axis >= 0 {
        index[axis] += 1
        offset += strides[axis]
        if index[axis] < extents[axis] { break }
        offset -= strides[axis] * extents[axis]
        index[axis] = 0
        axis -= 1
      }
    }
    return result
  }
}

extension Tensor {
  /// The elements at `offsets`, moved as bytes, as a tensor of `shape`.
  package func gathered(_ offsets: [Int], shape: Shape) -> Tensor {
    if let halves { return halves.gathered(offsets, shape: shape).widenedFloat16 }
    func move<T: BitwiseCopyable>(_: T.Type) -> Tensor {
      withElements(as: T.self) { source in
        Tensor(type.with(shape: shape)) { bytes in
          let target = bytes.bindMemory(to: T.self)
          for (index, offset) in offsets.enumerated() { target[index] = source[offset] }
        }
      }
    }
    switch elementType.byteCount {
    case 1: return move(UInt8.self)
    case 2: return move(UInt16.self)
    case 4: return move(UInt32.self)
    default: return move(UInt64.self)
    }
  }

  /// The elements read as if stretched to `shape`.
  package func broadcast(to shape: Shape) -> Tensor {
    if self.shape == shape { return self }
    return gathered(StridedWalk(shape, strides: self.shape.broadcastStrides(to: shape)).offsets, shape: shape)
  }
}

// Checks that operators share. Each names the constraint in the operator's own words.

func requireCount(_ inputs: [TensorType], _ range: ClosedRange<Int>, _ name: String) throws(TypeError) {
  guard range.contains(inputs.count) else {
    let wanted = range.count == 1 ? "\(range.lowerBound)" : "\(range.lowerBound) to \(range.upperBound)"
    throw TypeError("\(name).inputCount", "takes \(wanted) inputs, has \(inputs.count)")
  }
}

func requireFloating(_ type: TensorType, _ name: String) throws(TypeError) {
  guard type.elementType.isFloatingPoint else {
    throw TypeError("\(name).floatingPoint", "needs a floating-point input, has \(type)")
  }
}

func requireAxis(_ axis: Int, _ shape: Shape, _ name: String) throws(TypeError) {
  guard shape.indices.contains(axis) else {
    throw TypeError("\(name).axis", "axis \(axis) of an input of rank \(shape.rank)")
  }
}

func requireAxes(_ axes: [Int], _ shape: Shape, _ name: String) throws(TypeError) {
  for axis in axes { try requireAxis(axis, shape, name) }
  guard Set(axes).count == axes.count else { throw TypeError("\(name).axes", "axes \(axes) repeat one") }
}

func requireShape(_ type: TensorType, _ shape: Shape, _ what: String, _ name: String) throws(TypeError) {
  guard type.shape == shape else {
    throw TypeError("\(name).\(what)Shape", "\(what) is \(type.shape), must be \(shape)")
  }
}

func requireSameElementType(_ inputs: [TensorType], _ name: String) throws(TypeError) {
  guard let first = inputs.first else { return }
  for input in inputs where input.elementType != first.elementType {
    throw TypeError("\(name).elementTypes", "inputs are \(first.elementType) and \(input.elementType)")
  }
}

/// The offsets in `source` of the elements of `shape`, each axis' index mapped on its own.
func offsets(in source: Shape, of shape: Shape, _ map: (Int, Int) -> Int) -> [Int] {
  guard !shape.contains(0) else { return [] }
  let strides = source.strides
  var result = [0]
  for axis in shape.indices {
    let steps = (0..<shape[axis]).map { map($0, axis) * strides[axis] }
    result = result.flatMap { base in steps.map { base + $0 } }
  }
  return result
}
