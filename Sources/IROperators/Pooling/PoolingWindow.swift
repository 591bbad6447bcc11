import IRGraph
import IRTensor

/// The window of a pooling operator, one number per spatial axis.
package struct PoolingWindow: Hashable, Sendable, Codable {
  package var kernel: [Int]
  package var strides: [Int]
  package var dilations: [Int]
  package var padsBefore: [Int]
  package var padsAfter: [Int]
  /// Rounds output extents up, where the last window still starts inside the input or its padding before.
  package var ceilMode: Bool

  /// One number for each spatial axis; without more than a kernel the window moves by 1 over the input alone.
  package init(
    kernel: [Int], strides: [Int]? = nil, dilations: [Int]? = nil, padsBefore: [Int]? = nil,
    padsAfter: [Int]? = nil, ceilMode: Bool = false
  ) {
    self.kernel = kernel
    self.strides = strides ?? kernel.map { _ in 1 }
    self.dilations = dilations ?? kernel.map { _ in 1 }
    self.padsBefore = padsBefore ?? kernel.map { _ in 0 }
    self.padsAfter = padsAfter ?? self.padsBefore
    self.ceilMode = ceilMode
  }

  /// Over height and width, alike on both.
  package init(_ side: Int, stride: Int = 1, padding: Int = 0, dilation: Int = 1, ceilMode: Bool = false) {
    self.init(
      kernel: [side, side], strides: [stride, stride], dilations: [dilation, dilation],
      padsBefore: [padding, padding], ceilMode: ceilMode)
  }

  package var sliding: SlidingWindow {
    SlidingWindow(
      kernel: kernel, strides: strides, padsBefore: padsBefore, padsAfter: padsAfter, dilations: dilations)
  }

  func outputType(for inputs: [TensorType], _ name: String) throws(TypeError) -> TensorType {
    try requireCount(inputs, 1...1, name)
    let x = inputs[0]
    try sliding.check(x.shape, name)
    guard x.elementType != .bool else { throw TypeError("\(name).numeric", "pooling of bool") }
    let extents = try sliding.outputExtents(x.shape, ceilMode: ceilMode, name)
    return x.with(shape: Shape([x.shape[0], x.shape[1]] + extents))
  }

  /// The spatial extents of the result on `[N, C, spatial…]`.
  package func outputExtents(_ input: Shape) throws(TypeError) -> [Int] {
    try sliding.outputExtents(input, ceilMode: ceilMode, "Pooling")
  }

  /// How the spatial axes relate; a window over a whole axis leaves nothing of it.
  func axes(_ input: Shape, _ output: Shape) -> [AxisRelation] {
    sliding.axes.enumerated().map { axis, relation in
      output[axis + 2] == 1 && input[axis + 2] > 1 ? .mixed : relation
    }
  }

  func taps(_ input: TensorType, _ name: String) -> (TensorType, [[Int]]) {
    guard let type = try? outputType(for: [input], name) else {
      preconditionFailure("checked by outputTypes")
    }
    return (type, sliding.taps(input.shape, output: Array(type.shape.dropFirst(2))))
  }

  /// For each output position: how many taps lie in the input or its stated padding.
  func paddedCounts(_ input: Shape, _ output: Shape) -> [Int] {
    Indices(Array(output.dropFirst(2))).all.map { position in
      var product = 1
      for axis in kernel.indices {
        let end = input[axis + 2] + padsBefore[axis] + padsAfter[axis]
        let start = position[axis] * strides[axis]
        product *= (0..<kernel[axis]).count { start + $0 * dilations[axis] < end }
      }
      return product
    }
  }
}
