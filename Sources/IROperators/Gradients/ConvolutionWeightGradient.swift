import IRGraph
import IRTensor

/// The derivative of a convolution by its weight; made by gradient rules only.
///
/// Inputs x `[N, C, spatial…]` and the cotangent of the convolution's result `[N, O, spatial…]`; result
/// `[O, C / groupCount, kernel…]`: for each weight the sum over all positions of the input under it times the
/// cotangent.
package struct ConvolutionWeightGradient: ContractionOperator {
  package var convolution: Convolution
  package var kernel: [Int]
  package static let name = "ConvolutionWeightGradient"

  package init(convolution: Convolution, kernel: [Int]) {
    self.convolution = convolution
    self.kernel = kernel
  }

  private func weight(_ x: Shape, _ c: Shape) throws(TypeError) -> Shape {
    guard x.rank >= 3, c.rank == x.rank, kernel.count == x.rank - 2, convolution.groupCount > 0,
      x[1] % convolution.groupCount == 0
    else { throw TypeError("ConvolutionWeightGradient.rank", "an input of \(x) with a cotangent of \(c)") }
    return Shape([c[1], x[1] / convolution.groupCount] + kernel)
  }

  package func outputTypes(for inputs: [TensorType]) throws(TypeError) -> [TensorType] {
    try requireCount(inputs, 2...2, Self.name)
    try requireSameElementType(inputs, Self.name)
    let weight = inputs[0].with(shape: try weight(inputs[0].shape, inputs[1].shape))
    let result = try convolution.outputTypes(for: [inputs[0], weight])[0]
    guard result == inputs[1] else {
      throw TypeError("ConvolutionWeightGradient.cotangent", "a cotangent of \(inputs[1]), must be \(result)")
    }
    return [weight]
  }

  package func multiplyAddCount(for inputs: [TensorType]) -> Int {
    guard let weight = try? weight(inputs[0].shape, inputs[1].shape) else { return 0 }
    return inputs[1].shape.elementCount * weight.elementCount(in: 1..<weight.rank)
  }

  package func evaluate(_ inputs: [Tensor]) -> [Tensor] {
    let (x, c) = (inputs[0].shape, inputs[1].shape)
    guard let w = try? weight(x, c) else { preconditionFailure("checked by outputTypes") }
    let taps = convolution.window(w).taps(x, output: Array(c.dropFirst(2)))
    let (source, cotangent) = (inputs[0].doubles, inputs[1].doubles)
    let plane = x.elementCount(in: 2..<x.rank)
    let (groupInputs, groupOutputs) = (w[1], w[0] / convolution.groupCount)
    let kernelSize = w.elementCount(in: 2..<w.rank)
    var result = [Double](repeating: 0, count: w.elementCount)
    for n in 0..<x[0] {
      for o in 0..<w[0] {
        let firstChannel = n * x[1] + o / groupOutputs * groupInputs
        for (position, offsets) in taps.enumerated() {
          let factor = cotangent[(n * w[0] + o) * taps.count + position]
          for (tap, offset) in offsets.enumerated() where offset >= 0 {
            for i in 0..<groupInputs {
              result[(o * groupInputs + i) * kernelSize + tap] +=
                factor * source[(firstChannel + i) * plane + offset]
            }
          }
        }
      }
    }
    return [Tensor(inputs[0].type.with(shape: w), doubles: result)]
  }
}
