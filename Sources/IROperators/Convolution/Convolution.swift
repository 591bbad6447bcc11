import IRGraph
import IRTensor

/// Cross-correlation over any number of spatial axes.
///
/// Inputs x `[N, C, spatial…]`, weight `[O, C / groupCount, kernel…]`, [bias `[O]`]; result
/// `[N, O, spatial…]`. Outside the input there are zeros.
package struct Convolution: ContractionOperator {
  package var strides: [Int]
  package var padsBefore: [Int]
  package var padsAfter: [Int]
  package var dilations: [Int]
  package var groupCount: Int
  package static let name = "Convolution"

  /// One number for each spatial axis; without more than strides a window moves over the input alone.
  package init(
    strides: [Int], padsBefore: [Int]? = nil, padsAfter: [Int]? = nil, dilations: [Int]? = nil,
    groupCount: Int = 1
  ) {
    self.strides = strides
    self.padsBefore = padsBefore ?? strides.map { _ in 0 }
    self.padsAfter = padsAfter ?? self.padsBefore
    self.dilations = dilations ?? strides.map { _ in 1 }
    self.groupCount = groupCount
  }

  /// Over height and width, alike on both.
  package init(stride: Int = 1, padding: Int = 0, dilation: Int = 1, groupCount: Int = 1) {
    self.init(
      strides: [stride, stride], padsBefore: [padding, padding], dilations: [dilation, dilation],
      groupCount: groupCount)
  }

  /// Of kernel 1 over height and width: a product of channels.
  package static let pointwise = Convolution()

  /// Whether it is that, with a weight of this shape.
  package func isPointwise(_ weight: Shape) -> Bool {
    self == .pointwise && weight.rank == 4 && weight[2] == 1 && weight[3] == 1
  }

  /// Whether, with a weight of this shape, each of several channels is convolved by itself.
  package func isDepthwise(_ weight: Shape) -> Bool {
    groupCount > 1 && weight.rank == 4 && weight[0] == groupCount && weight[1] == 1
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

  package func multiplyAddCount(for inputs: [TensorType]) -> Int {
    guard let output = try? outputTypes(for: inputs).first else { return 0 }
    return output.shape.elementCount * inputs[1].shape.elementCount(in: 1..<inputs[1].shape.rank)
  }

  package func evaluate(_ inputs: [Tensor]) -> [Tensor] {
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

extension Convolution: AxisMappedOperator {
  package func axes(of output: Int, from input: Int, _ types: NodeTypes) -> [AxisRelation] {
    let rank = types.outputs[output].shape.rank
    guard input == 0 else { return .only(1, from: 0, rank) }
    let weight = types.inputs[1].shape
    let isDepthwise = weight[1] == 1 && groupCount == weight[0]
    return [.same(0), isDepthwise ? .same(1) : .mixed] + window(weight).axes
  }
}

extension Convolution: DifferentiableOperator {
  package func cotangents(
    _ context: Cotangents, into g: inout GraphBuilder
  ) throws(GraphError) -> [ValueID?] {
    guard let c = context.ofOutputs[0] else { return context.none }
    let (x, w) = (context.inputs[0], context.inputs[1])
    var result = context.none
    if context.isWanted[0] {
      result[0] =
        strides.allSatisfy { $0 == 1 }
        ? try ofInputAtUnitStride(c, w, g.shape(of: x), &g) : try ofInput(c, w, g.shape(of: x), &g)
    }
    if context.isWanted[1] {
      let kernel = Array(g.shape(of: w).dropFirst(2))
      result[1] = try g.value(ConvolutionWeightGradient(convolution: self, kernel: kernel), [x, c])
    }
    if context.inputs.count > 2, context.isWanted[2] {
      let axes = g.shape(of: c).indices.filter { $0 != 1 }
      result[2] = try g.reshaped(try g.summed(c, over: axes), to: g.shape(of: context.inputs[2]))
    }
    return result
  }

  /// The adjoint is a transposed convolution with the same weight.
  private func ofInput(
    _ c: ValueID, _ w: ValueID, _ x: Shape, _ g: inout GraphBuilder
  ) throws(GraphError) -> ValueID {
    let (kernel, y) = (Array(g.shape(of: w).dropFirst(2)), g.shape(of: c))
    // The rest of the axis after the last window.
    let rest = strides.indices.map { axis in
      let window = (kernel[axis] - 1) * dilations[axis] + 1
      return x[axis + 2] + padsBefore[axis] + padsAfter[axis] - window - strides[axis] * (y[axis + 2] - 1)
    }
    let adjoint = ConvolutionTranspose(
      strides: strides, padsBefore: padsBefore, padsAfter: padsAfter, dilations: dilations,
      outputPadding: rest, groupCount: groupCount)
    return try g.value(adjoint, [c, w])
  }

  /// At unit stride the adjoint is a convolution with the kernel turned round, and inputs and outputs of each
  /// group exchanged: what convolution kernels are fast at.
  private func ofInputAtUnitStride(
    _ c: ValueID, _ w: ValueID, _ x: Shape, _ g: inout GraphBuilder
  ) throws(GraphError) -> ValueID {
    let shape = g.shape(of: w)
    let kernel = Array(shape.dropFirst(2))
    let (outputs, inputs) = (shape[0] / groupCount, shape[1])
    var turned = w
    if kernel.contains(where: { $0 > 1 }) {
      let flip = Slice(
        starts: [0, 0] + kernel.map { $0 - 1 }, steps: [1, 1] + kernel.map { _ in -1 },
        extents: shape.extents)
      turned = try g.value(flip, [w])
    }
    let grouped = try g.reshaped(turned, to: Shape([groupCount, outputs, inputs] + kernel))
    let exchanged =
      outputs == 1 && inputs == 1
      ? grouped
      : try g.value(Transpose(permutation: [0, 2, 1] + kernel.indices.map { $0 + 3 }), [grouped])
    let weight = try g.reshaped(exchanged, to: Shape([groupCount * inputs, outputs] + kernel))
    let spans = kernel.indices.map { (kernel[$0] - 1) * dilations[$0] }
    let adjoint = Convolution(
      strides: strides, padsBefore: zip(spans, padsBefore).map { $0 - $1 },
      padsAfter: zip(spans, padsAfter).map { $0 - $1 }, dilations: dilations, groupCount: groupCount)
    return try g.value(adjoint, [c, weight])
  }
}
