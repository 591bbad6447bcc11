import IRGraph
import IRTensor

/// The geometry of a window that slides over the spatial axes of `[N, C, spatial…]`.
package struct SlidingWindow: Hashable, Sendable {
  package var kernel: [Int]
  package var strides: [Int]
  package var padsBefore: [Int]
  package var padsAfter: [Int]
  package var dilations: [Int]

  package init(kernel: [Int], strides: [Int], padsBefore: [Int], padsAfter: [Int], dilations: [Int]) {
    self.kernel = kernel
    self.strides = strides
    self.padsBefore = padsBefore
    self.padsAfter = padsAfter
    self.dilations = dilations
  }

  /// - Throws: named after `name` if list lengths, signs or ranges do not fit `input`.
  package func check(_ input: Shape, _ name: String) throws(TypeError) {
    let rank = input.rank - 2
    guard rank >= 1 else { throw TypeError("\(name).rank", "needs [N, C, spatial…], has \(input)") }
    for (list, what) in [
      (kernel, "kernel"), (strides, "strides"), (padsBefore, "padsBefore"), (padsAfter, "padsAfter"),
      (dilations, "dilations"),
    ] {
      guard list.count == rank else {
        throw TypeError("\(name).\(what)Count", "\(list.count) \(what) for \(rank) spatial axes")
      }
      let least = what.hasPrefix("pads") ? -(1 << 30) : 1
      guard list.allSatisfy({ $0 >= least && $0 <= 1 << 30 }) else {
        throw TypeError("\(name).\(what)", "\(what) \(list)")
      }
    }
  }

  /// The extents of the result.
  /// - Throws: if the window does not fit the padded input.
  package func outputExtents(_ input: Shape, ceilMode: Bool = false, _ name: String) throws(TypeError)
    -> [Int]
  {
    var result: [Int] = []
    for axis in kernel.indices {
      let padded = input[axis + 2] + padsBefore[axis] + padsAfter[axis]
      let window = (kernel[axis] - 1) * dilations[axis] + 1
      guard padded >= window else {
        throw TypeError("\(name).window", "a window of \(window) on a padded axis of \(padded)")
      }
      let span = padded - window
      var extent = (ceilMode ? span + strides[axis] - 1 : span) / strides[axis] + 1
      // A window that would start in the padding after the input is left out.
      if ceilMode, (extent - 1) * strides[axis] >= input[axis + 2] + padsBefore[axis] { extent -= 1 }
      result.append(extent)
    }
    return result
  }

  /// How the spatial axes of the result relate to those of the input.
  package var axes: [AxisRelation] {
    kernel.indices.map { axis in
      .window(
        axis + 2,
        AxisWindow(
          extent: (kernel[axis] - 1) * dilations[axis] + 1, stride: strides[axis], padding: padsBefore[axis]))
    }
  }

  /// For each output position in row-major order: the input's offset within its plane for each tap, or
  /// -1 where the tap lies outside.
  package func taps(_ input: Shape, output: [Int]) -> [[Int]] {
    let extents = Array(input.dropFirst(2))
    let planeStrides = Shape(extents).strides
    let kernelIndices = Indices(kernel).all
    return Indices(output).all.map { position in
      kernelIndices.map { tap in
        var offset = 0
        for axis in tap.indices {
          let index = position[axis] * strides[axis] + tap[axis] * dilations[axis] - padsBefore[axis]
          if index < 0 || index >= extents[axis] { return -1 }
          offset += index * planeStrides[axis]
        }
        return offset
      }
    }
  }
}

/// All index tuples of some extents, in row-major order.
package struct Indices {
  package let all: [[Int]]

  package init(_ extents: [Int]) {
    var result: [[Int]] = [[]]
    for extent in extents { result = result.flatMap { head in (0..<extent).map { head + [$0] } } }
    all = result
  }
}
