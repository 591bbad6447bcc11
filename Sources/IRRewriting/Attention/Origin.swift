import IRGraph
import IROperators
import IRTensor

/// The origin of a value's elements: the value seen through the movements that make it, back to a root.
///
/// Element (i₀, i₁, …) of the value is the root's at, for each of its axes, (start + digits + offset) mod
/// extent, times `scale`.
struct Origin {
  /// Part of an axis of the value: a number below `extent` that counts `stride` places of a root's axis.
  struct Digit: Hashable {
    var axis: Int
    var extent: Int
    var stride: Int
  }

  let graph: Graph
  private(set) var root: ValueID
  /// For each axis of the value its digits, the outermost first. Those of extent 1 are left out.
  private(set) var axes: [[Digit]]
  /// For each axis of the root.
  private(set) var starts: [Int]
  private(set) var offsets: [Int]
  private(set) var scale: Double = 1

  init(of value: ValueID, in graph: Graph) {
    self.graph = graph
    let shape = graph[value].type.shape
    root = value
    axes = shape.indices.map { Self.digits([Digit(axis: $0, extent: shape[$0], stride: 1)]) }
    starts = shape.map { _ in 0 }
    offsets = starts
  }

  /// Digits as they are compared: none of extent 1, neighbours that count on as one.
  static func digits(_ digits: [Digit]) -> [Digit] {
    var result: [Digit] = []
    for digit in digits where digit.extent != 1 {
      if let last = result.last, last.axis == digit.axis, last.stride == digit.stride * digit.extent {
        result[result.count - 1] = Digit(
          axis: digit.axis, extent: last.extent * digit.extent, stride: digit.stride)
      } else {
        result.append(digit)
      }
    }
    return result
  }

  private var shape: Shape { graph[root].type.shape }

  /// Looks behind the node that makes the root, where that only moves elements, or multiplies them by one
  /// number.
  mutating func step() -> Bool {
    guard case .node(let id, let output) = graph[root].definition else { return false }
    let node = graph[id]
    switch node.operator {
    case let transpose as Transpose:
      let order = transpose.permutation
      axes = axes.map { $0.map { Digit(axis: order[$0.axis], extent: $0.extent, stride: $0.stride) } }
      var (newStarts, newOffsets) = (starts, offsets)
      for (axis, source) in order.enumerated() {
        (newStarts[source], newOffsets[source]) = (starts[axis], offsets[axis])
      }
      (starts, offsets) = (newStarts, newOffsets)
    case is Reshape:
      guard reshape(from: graph[node.inputs[0]].type.shape) else { return false }
    case let split as Split:
      guard offsets[split.axis] == 0 else { return false }
      starts[split.axis] += split.sizes[..<output].reduce(0, +)
    case let slice as Slice where slice.steps.allSatisfy({ $0 == 1 }):
      for axis in starts.indices where slice.extents[axis] != graph[node.inputs[0]].type.shape[axis] {
        guard offsets[axis] == 0 else { return false }
      }
      for axis in starts.indices { starts[axis] += slice.starts[axis] }
    case let gather as Gather:
      guard gatherOne(gather, node) else { return false }
    case let roll as Roll:
      for axis in offsets.indices { offsets[axis] = (offsets[axis] + roll.offsets[axis]) % shape[axis] }
    case let binary as Binary where binary.function == .multiply || binary.function == .divide:
      let isQuotient = binary.function == .divide
      let (value, other) = (node.inputs[0], node.inputs[1])
      if graph[value].type == graph[root].type, let factor = graph.uniform(other) {
        scale *= isQuotient ? 1 / factor : factor
        root = value
        return true
      }
      guard !isQuotient, graph[other].type == graph[root].type, let factor = graph.uniform(value) else {
        return false
      }
      scale *= factor
      root = other
      return true
    default: return false
    }
    root = node.inputs[0]
    return true
  }

  /// A constant index takes one place of an axis.
  private mutating func gatherOne(_ gather: Gather, _ node: Node) -> Bool {
    let source = graph[node.inputs[0]].type.shape
    guard let tensor = graph.constant(node.inputs[1]), tensor.elementCount == 1, tensor.shape.rank <= 1,
      source.indices.contains(gather.axis)
    else { return false }
    let extent = source[gather.axis]
    let index = tensor.integers[0] < 0 ? Int(tensor.integers[0]) + extent : Int(tensor.integers[0])
    guard (0..<extent).contains(index) else { return false }
    if tensor.shape.rank == 1 {
      guard offsets[gather.axis] == 0 else { return false }
      starts[gather.axis] += index
      return true
    }
    axes = axes.map {
      $0.map {
        Digit(axis: $0.axis >= gather.axis ? $0.axis + 1 : $0.axis, extent: $0.extent, stride: $0.stride)
      }
    }
    starts.insert(index, at: gather.axis)
    offsets.insert(0, at: gather.axis)
    return true
  }

  /// Parts that axes of two shapes of one count have in common, the innermost first.
  private struct Segment {
    var source: (axis: Int, stride: Int)
    var target: (axis: Int, stride: Int)
    var extent: Int
  }

  private static func segments(_ source: Shape, _ target: Shape) -> [Segment]? {
    var result: [Segment] = []
    var (i, j) = (source.rank - 1, target.rank - 1)
    var (own, other) = ((stride: 1, left: i >= 0 ? source[i] : 1), (stride: 1, left: j >= 0 ? target[j] : 1))
    while true {
      while i >= 0, own.left == 1 {
        i -= 1
        own = (1, i >= 0 ? source[i] : 1)
      }
      while j >= 0, other.left == 1 {
        j -= 1
        other = (1, j >= 0 ? target[j] : 1)
      }
      guard i >= 0, j >= 0 else { return i < 0 && j < 0 ? result : nil }
      guard own.left > 0, other.left > 0 else { return nil }
      let extent: Int
      if own.left % other.left == 0 {
        extent = other.left
      } else if other.left % own.left == 0 {
        extent = own.left
      } else {
        return nil
      }
      result.append(Segment(source: (i, own.stride), target: (j, other.stride), extent: extent))
      own = (own.stride * extent, own.left / extent)
      other = (other.stride * extent, other.left / extent)
    }
  }

  private mutating func reshape(from source: Shape) -> Bool {
    let target = shape
    guard let segments = Self.segments(source, target) else { return false }
    let rolled = target.indices.filter { offsets[$0] != 0 }
    // A segment's largest digit, to see that a start carries nothing over.
    var largest = segments.map { _ in 0 }
    var newAxes: [[Digit]] = []
    for digits in axes {
      var result: [Digit] = []
      for digit in digits {
        var count = 1
        for (index, segment) in segments.enumerated().reversed() where segment.target.axis == digit.axis {
          let low = max(digit.stride, segment.target.stride)
          let high = min(digit.stride * digit.extent, segment.target.stride * segment.extent)
          guard high > low else { continue }
          guard low % segment.target.stride == 0, high % low == 0 else { return false }
          let step = low / segment.target.stride
          result.append(
            Digit(axis: segment.source.axis, extent: high / low, stride: segment.source.stride * step))
          largest[index] += (high / low - 1) * step
          count *= high / low
        }
        guard count == digit.extent else { return false }
      }
      newAxes.append(Self.digits(result))
    }
    var (newStarts, newOffsets) = (source.map { _ in 0 }, source.map { _ in 0 })
    for (index, segment) in segments.enumerated() {
      let digit = starts[segment.target.axis] / segment.target.stride % segment.extent
      guard digit + largest[index] < segment.extent || rolled.contains(segment.target.axis) else {
        return false
      }
      newStarts[segment.source.axis] += digit * segment.source.stride
    }
    for axis in rolled {
      // Only an axis that stays what it is goes on being rolled.
      let own = segments.filter { $0.target.axis == axis }
      guard own.count == 1, source[own[0].source.axis] == target[axis] else { return false }
      newOffsets[own[0].source.axis] = offsets[axis]
    }
    (axes, starts, offsets) = (newAxes, newStarts, newOffsets)
    return true
  }
}
