import IRTensor

/// How one axis of a result relates to the axes of an input.
package enum AxisRelation: Hashable, Sendable {
  /// Position i is computed from position i of that axis.
  case same(Int)
  /// Position i is computed from the positions of a window of that axis.
  case window(Int, AxisWindow)
  /// The axis is those axes as one, in row-major order.
  case joined(Range<Int>)
  /// Position i of the axis `of` lies at position i / step mod extent of this one.
  case digit(of: Int, step: Int)
  /// A position is computed from more of the input than that, or depends on its own index.
  case mixed
  /// Every position is computed from the same elements of the input.
  case new
}

/// The positions of an input's axis that a position of a result is computed from: for position i those from
/// i · stride / division + first to i · stride / division + last.
package struct AxisWindow: Hashable, Sendable {
  package var stride: Int
  package var division: Int
  package var first: Double
  package var last: Double

  /// - Precondition: `stride` and `division` are positive.
  package init(stride: Int, over division: Int = 1, first: Double, last: Double) {
    precondition(stride > 0 && division > 0, "a window moves forward")
    self.stride = stride
    self.division = division
    self.first = first
    self.last = last
  }

  /// `extent` positions, of which the first window has `padding` before the axis.
  package init(extent: Int, stride: Int, padding: Int) {
    self.init(stride: stride, first: -Double(padding), last: Double(extent - 1 - padding))
  }

  /// Position i + `start`.
  package static func shift(_ start: Int) -> AxisWindow {
    AxisWindow(stride: 1, first: Double(start), last: Double(start))
  }
}

/// An operator that states how the axes of its results relate to those of its inputs.
///
/// Receptive fields and the computation of some channels alone follow from it.
package protocol AxisMappedOperator: Operator {
  /// For each axis of result `output`, its relation to the axes of input `input`. Axes of the input that no
  /// relation names are read whole by every position.
  func axes(of output: Int, from input: Int, _ types: NodeTypes) -> [AxisRelation]
}

/// The types of a node's inputs and outputs.
package struct NodeTypes: Hashable, Sendable {
  package var inputs: [TensorType]
  package var outputs: [TensorType]

  package init(inputs: [TensorType], outputs: [TensorType]) {
    self.inputs = inputs
    self.outputs = outputs
  }
}

extension [AxisRelation] {
  /// Every axis is the input's, but for `mixed` ones.
  package static func eachAlone(_ rank: Int, mixing mixed: [Int] = []) -> Self {
    (0..<rank).map { mixed.contains($0) ? .mixed : .same($0) }
  }

  /// Shapes aligned at their ends, extents of 1 stretched.
  package static func broadcasting(_ input: Shape, to output: Shape) -> Self {
    let shift = output.rank - input.rank
    return output.indices.map { axis in
      axis >= shift && input[axis - shift] == output[axis] ? .same(axis - shift) : .new
    }
  }

  /// Every axis is computed from all of the input.
  package static func mixed(_ rank: Int) -> Self { Self(repeating: .mixed, count: rank) }

  /// Every axis is computed from the same elements, but for `axis`, which is the input's `source`.
  package static func only(_ axis: Int, from source: Int, _ rank: Int) -> Self {
    (0..<rank).map { $0 == axis ? .same(source) : .new }
  }

  /// The axes that are left, or are of extent 1, after the elements along some were combined.
  package static func reducing(_ axes: [Int], keepsAxes: Bool, _ rank: Int) -> Self {
    (0..<rank).compactMap { axes.contains($0) ? (keepsAxes ? .mixed : nil) : .same($0) }
  }
}
