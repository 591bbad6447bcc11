import IRGraph
import IRTensor

/// The transpose of a strided convolution: each input element adds the kernel to the output.
///
/// Inputs x `[N, C, spatial…]`, weight `[C, O / groupCount, kernel…]`, [bias `[O]`]; an output extent is
/// stride (in - 1) + outputPadding + dilation (kernel - 1) + 1 - padsBefore - padsAfter.
package struct ConvolutionTranspose: ContractionOperator {
  package var strides: [Int]
  package var padsBefore: [Int]
  package var padsAfter: [Int]
  package var dilations: [Int]
  package var outputPadding: [Int]
  package var groupCount: Int
  package static let name = "ConvolutionTranspose"

  /// One number for each spatial axis; without more than strides nothing is cut off and nothing added.
  package init(
    strides: [Int], padsBefore: [Int]? = nil, padsAfter: [Int]? = nil, dilations: [Int]? = nil,
    outputPadding: [Int]? = nil, groupCount: Int = 1
  ) {
    self.strides = strides
    self.padsBefore = padsBefore ?? strides.map { _ in 0 }
    self.padsAfter = padsAfter ?? self.padsBefore
    self.dilations = dilations ?? strides.map { _ in 1 }
    self.outputPadding = outputPadding ?? strides.map { _ in 0 }
    self.groupCount = groupCount
  }

  /// Over height and width, alike on both.
  package init(stride: Int, padding: Int = 0, dilation: Int = 1, outputPadding: Int = 0, groupCount: Int = 1)
  {
    self.init(
      strides: [stride, stride], padsBefore: [padding, padding], dilations: [dilation, dilation],
      outputPadding: [outputPadding, outputPadding], groupCount: groupCount)
  }

  package func window(_ weight: Shape) -> SlidingWindow {
    SlidingWindow(
      kernel: Array(weight.dropFirst(2)), strides: strides, padsBefore: padsBefore, padsAfter: padsAfter,
      dilations: dilations)
  }

  package func outputTypes(for inputs: [TensorType]) throws(TypeError) -> [TensorType] {
    try requireCount(inputs, 2...3, Self.name)
    try requireFloating(inputs[0], Self.name)
    try requireSameElementType(inputs, Self.name)
    let (x, w) = (inputs[0].shape, inputs[1].shape)
    guard w.rank == x.rank, w.rank >= 3 else {
      throw TypeError("ConvolutionTranspose.rank", "an input of \(x) with a weight of \(w)")
    }
    try window(w).check(x, Self.name)
    guard outputPadding.count == x.rank - 2, outputPadding.allSatisfy({ (0...(1 << 30)).contains($0) }) else {
      throw TypeError("ConvolutionTranspose.outputPadding", "outputPadding \(outputPadding)")
    }
    guard groupCount > 0, x[1] % groupCount == 0, w[0] == x[1] else {
      throw TypeError(
        "ConvolutionTranspose.channels", "\(x[1]) input channels in \(groupCount) groups, weight \(w)")
    }
    let (channels, overflow) = w[1].multipliedReportingOverflow(by: groupCount)
    guard !overflow else {
      throw TypeError("ConvolutionTranspose.channels", "\(w[1]) × \(groupCount) channels")
    }
    if inputs.count == 3 { try requireShape(inputs[2], [channels], "bias", Self.name) }
    var extents = [x[0], channels]
    for axis in 0..<(x.rank - 2) {
      let (steps, overflow) = strides[axis].multipliedReportingOverflow(by: max(x[axis + 2] - 1, 0))
      let window = dilations[axis].multipliedReportingOverflow(by: w[axis + 2] - 1)
      guard !overflow, !window.overflow, steps < 1 << 40, window.partialValue < 1 << 40 else {
        throw TypeError("ConvolutionTranspose.extent", "axis \(axis) becomes too long")
      }
      let extent = steps + outputPadding[axis] + window.partialValue + 1 - padsBefore[axis] - padsAfter[axis]
      guard extent > 0 else {
        throw TypeError("ConvolutionTranspose.extent", "axis \(axis) of the output has extent \(extent)")
      }
      extents.append(extent)
    }
    return [inputs[0].with(shape: Shape(extents))]
  }

  package func multiplyAddCount(for inputs: [TensorType]) -> Int {
    inputs[0].shape.elementCount * inputs[1].shape.elementCount(in: 1..<inputs[1].shape.rank)
  }

  package func evaluate(_ inputs: [Tensor]) -> [Tensor] {
    guard let type = try? outputTypes(for: inputs.map(\.type)).first else {
      preconditionFailure("checked by outputTypes")
    }
    let (x, w, y) = (inputs[0].shape, inputs[1].shape, type.shape)
    let (source, weight) = (inputs[0].doubles, inputs[1].doubles)
    let outputStrides = Shape(Array(y.dropFirst(2))).strides
    let taps = Indices(Array(w.dropFirst(2))).all
    let positions = Indices(Array(x.dropFirst(2))).all
    let outputPlane = y.elementCount(in: 2..<y.rank)
    let groupInputs = x[1] / groupCount
    var result = [Double](repeating: 0, count: y.elementCount)
    if inputs.count == 3 {
      let bias = inputs[2].doubles
      for index in result.indices { result[index] = bias[index / outputPlane % y[1]] }
    }
    for (p, position) in positions.enumerated() {
      for (t, tap) in taps.enumerated() {
        var offset = 0
        var isInside = true
        for axis in tap.indices {
          let index = position[axis] * strides[axis] + tap[axis] * dilations[axis] - padsBefore[axis]
          if index < 0 || index >= y[axis + 2] { isInside = false; break }
          offset += index * outputStrides[axis]
        }
        guard isInside else { continue }
        for n in 0..<x[0] {
          for c in 0..<x[1] {
            let value = source[(n * x[1] + c) * positions.count + p]
            for o in 0..<w[1] {
              let channel = c / groupInputs * w[1] + o
              result[(n * y[1] + channel) * outputPlane + offset] +=
                value * weight[(c * w[1] + o) * taps.count + t]
            }
          }
        }
      }
    }
    return [Tensor(type, doubles: result)]
  }
}

extension ConvolutionTranspose: AxisMappedOperator {
  package func axes(of output: Int, from input: Int, _ types: NodeTypes) -> [AxisRelation] {
    let rank = types.outputs[output].shape.rank
    guard input == 0 else {
      // A weight has the channels of one group.
      return input == 1 && groupCount > 1
        ? (0..<rank).map { $0 == 1 ? .mixed : .new } : .only(1, from: input == 1 ? 1 : 0, rank)
    }
    let kernel = types.inputs[1].shape.dropFirst(2)
    return [.same(0), .mixed]
      + kernel.enumerated().map { axis, extent in
        let reach = Double((extent - 1) * dilations[axis])
        let (stride, pad) = (Double(strides[axis]), Double(padsBefore[axis]))
        return .window(
          axis + 2,
          AxisWindow(stride: 1, over: strides[axis], first: (pad - reach) / stride, last: pad / stride))
      }
  }
}

extension ConvolutionTranspose: DifferentiableOperator {
  package func cotangents(
    _ context: Cotangents, into g: inout GraphBuilder
  ) throws(GraphError) -> [ValueID?] {
    guard let c = context.ofOutputs[0] else { return context.none }
    let (x, w) = (context.inputs[0], context.inputs[1])
    // The convolution that this is the adjoint of.
    let convolution = Convolution(
      strides: strides, padsBefore: padsBefore, padsAfter: zip(padsAfter, outputPadding).map { $0 - $1 },
      dilations: dilations, groupCount: groupCount)
    var result = context.none
    if context.isWanted[0] { result[0] = try g.value(convolution, [c, w]) }
    if context.isWanted[1] {
      let kernel = Array(g.shape(of: w).dropFirst(2))
      result[1] = try g.value(ConvolutionWeightGradient(convolution: convolution, kernel: kernel), [c, x])
    }
    if context.inputs.count > 2, context.isWanted[2] {
      let axes = g.shape(of: c).indices.filter { $0 != 1 }
      result[2] = try g.reshaped(try g.summed(c, over: axes), to: g.shape(of: context.inputs[2]))
    }
    return result
  }
}
