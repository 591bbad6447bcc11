import IRGraph
import IRTensor

/// The window of a pooling operator, one number per spatial axis.
public struct PoolingWindow: Hashable, Sendable, Codable {
  public var kernel: [Int]
  public var strides: [Int]
  public var dilations: [Int]
  public var padsBefore: [Int]
  public var padsAfter: [Int]
  /// Rounds output extents up, where the last window still starts inside the input or its padding before.
  public var ceilMode: Bool

  public init(
    kernel: [Int], strides: [Int], dilations: [Int], padsBefore: [Int], padsAfter: [Int],
    ceilMode: Bool = false
  ) {
    self.kernel = kernel
    self.strides = strides
    self.dilations = dilations
    self.padsBefore = padsBefore
    self.padsAfter = padsAfter
    self.ceilMode = ceilMode
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
