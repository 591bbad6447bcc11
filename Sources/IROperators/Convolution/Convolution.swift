import IRGraph
import IRTensor

/// Cross-correlation over any number of spatial axes.
///
/// Inputs x `[N, C, spatial…]`, weight `[O, C / groupCount, kernel…]`, [bias `[O]`]; result
/// `[N, O, spatial…]`. Outside the input there are zeros.
public struct Convolution: ContractionOperator {
  public var strides: [Int]
  public var padsBefore: [Int]
  public var padsAfter: [Int]
  public var dilations: [Int]
  public var groupCount: Int
  public static let name = "Convolution"

  public init(
    strides: [Int], padsBefore: [Int], padsAfter: [Int], dilations: [Int], groupCount: Int = 1
  ) {
    self.strides = strides
    self.padsBefore = padsBefore
    self.padsAfter = padsAfter
    self.dilations = dilations
    self.groupCount = groupCount
  }

  package func window(_ weight: Shape) -> SlidingWindow {
    SlidingWindow(
      kernel: Array(weight.dropFirst(2)), strides: strides, padsBefore: padsBefore, padsAfter: padsAfter,
      dilations: dilations)
  }

  public func outputTypes(for inputs: [TensorType]) throws(TypeError) -> [TensorType] {
    try requireCount(inputs, 2...3, Self.name)
    try requireFloating(inputs[0], Self.name)
    try requireSameElementType(inputs, Self.name)
    let (x, w) = (inputs[0].shape, inputs[1].shape)
    guard w.rank == x.rank, w.rank >= 3 else {
      throw TypeError("Convolution.rank", "an input of \(x) with a weight of \(w)")
    }
    let window = window(w)
    try window.check(x, Self.name)
    guard groupCount > 0, x[1] % groupCount == 0, w[0] % groupCount == 0 else {
      throw TypeError(
        "Convolution.groups",
        "input and output channels must be multiples of groups: \(x[1]) and \(w[0]) with \(groupCount) groups"
      )
    }
    guard w[1] == x[1] / groupCount else {
      throw TypeError(
        "Convolution.channels", "\(x[1]) input channels in \(groupCount) groups with a weight for \(w[1])")
    }
    if inputs.count == 3 { try requireShape(inputs[2], [w[0]], "bias", Self.name) }
    return [inputs[0].with(shape: Shape([x[0], w[0]] + (try window.outputExtents(x, Self.name))))]
  }

  public func multiplyAddCount(for inputs: [TensorType]) -> Int {
    guard let output = try? outputTypes(for: inputs).first else { return 0 }
    return output.shape.elementCount * inputs[1].shape.elementCount(in: 1..<inputs[1].shape.rank)
  }

  public func evaluate(_ inputs: [Tensor]) -> [Tensor] {
    guard let type = try? outputTypes(for: inputs.map(\.type)).first else {
      preconditionFailure("checked by outputTypes")
    }
    let (x, w) = (inputs[0].shape, inputs[1].shape)
    let taps = window(w).taps(x, output: Array(type.shape.dropFirst(2)))
    let bias = inputs.count == 3 ? inputs[2].doubles : nil
    let plane = x.elementCount(in: 2..<x.rank)
    let (groupInputs, groupOutputs) = (w[1], w[0] / groupCount)
    let kernelSize = w.elementCount(in: 2..<w.rank)
    var result = [Double](repeating: 0, count: type.shape.elementCount)
    inputs[0].doubles.withUnsafeBufferPointer { source in
      inputs[1].doubles.withUnsafeBufferPointer { weight in
        for n in 0..<x[0] {
          for o in 0..<w[0] {
            let firstChannel = n * x[1] + o / groupOutputs * groupInputs
            for (position, offsets) in taps.enumerated() {
              var sum = bias?[o] ?? 0
              for (tap, offset) in offsets.enumerated() where offset >= 0 {
                var i = firstChannel * plane + offset
                var j = o * groupInputs * kernelSize + tap
                for _ in 0..<groupInputs {
                  sum += source[i] * weight[j]
                  i += plane
                  j += kernelSize
                }
              }
              result[(n * w[0] + o) * taps.count + position] = sum
            }
          }
        }
      }
    }
    return [Tensor(type, doubles: result)]
  }
}
