import CIROperators
import IRCompiler
import IRGraph
import IROperators
import IRTensor

/// One strided copy: which element comes first on both sides, and how far the axes step.
private struct StridedCopy {
  var shape: [Int]
  var sourceStart = 0
  var sourceStrides: [Int]
  var destinationStart = 0
  var destinationStrides: [Int]
}

/// Operators that only move elements, of any element type.
func movementKernel(_ request: KernelRequest) -> (any Kernel)? {
  guard let first = request.inputTypes.first, let output = request.outputTypes.first else { return nil }
  let (x, y) = (first.shape, output.shape)
  let size = first.elementType.byteCount
  switch request.operator {
  case let transpose as Transpose:
    let strides = x.strides
    return copyKernel(
      "transpose", size,
      StridedCopy(
        shape: y.extents, sourceStrides: transpose.permutation.map { strides[$0] },
        destinationStrides: y.strides))
  case is Expand:
    return copyKernel(
      "expand", size,
      StridedCopy(shape: y.extents, sourceStrides: x.broadcastStrides(to: y), destinationStrides: y.strides))
  case let slice as Slice:
    let strides = x.strides
    return copyKernel(
      "slice", size,
      StridedCopy(
        shape: y.extents,
        sourceStart: y.elementCount == 0 ? 0 : zip(slice.starts, strides).reduce(0) { $0 + $1.0 * $1.1 },
        sourceStrides: zip(slice.steps, strides).map { $0 * $1 }, destinationStrides: y.strides))
  case let gradient as SliceGradient: return sliceGradientKernel(gradient, x, y, size)
  case let move as DepthToSpace: return sixAxisKernel("depth-to-space", size, x, move.sixAxes)
  case let move as SpaceToDepth: return sixAxisKernel("space-to-depth", size, x, move.sixAxes)
  case let concatenate as Concatenate:
    return concatenateKernel(axis: concatenate.axis, request.inputTypes.map(\.shape), y, size)
  case let split as Split: return splitKernel(axis: split.axis, x, request.outputTypes.map(\.shape), size)
  case let roll as Roll: return rollKernel(roll, x, size)
  case let pad as Pad: return padKernel(pad, x, output)
  case let gather as Gather:
    return gatherKernel("gather", axis: gather.axis, request, request.inputTypes[1].shape.elementCount) {
      ir_gather(&$0, $1.inputs[0], $1.inputs[1], $1.outputs[0], $1.threads)
    }
  case let gather as GatherElements:
    let indices = request.inputTypes[1].shape
    guard x.indices.allSatisfy({ $0 == gather.axis || x[$0] == indices[$0] }) else { return nil }
    return gatherKernel("gather-elements", axis: gather.axis, request, indices[gather.axis]) {
      ir_gather_elements(&$0, $1.inputs[0], $1.inputs[1], $1.outputs[0], $1.threads)
    }
  case is Tile:
    // Each axis is two: which copy, and where in it.
    let (from, to) = (x.strides, y.strides)
    return copyKernel(
      "tile", size,
      StridedCopy(
        shape: x.indices.flatMap { [x[$0] == 0 ? 0 : y[$0] / x[$0], x[$0]] },
        sourceStrides: x.indices.flatMap { [0, from[$0]] },
        destinationStrides: x.indices.flatMap { [x[$0] * to[$0], to[$0]] }))
  default: return nil
  }
}

/// `count` indices along an axis of the first input.
private func gatherKernel(
  _ name: String, axis: Int, _ request: KernelRequest, _ count: Int,
  _ run: @escaping @Sendable (inout ir_gather_params, KernelArguments) -> Void
) -> (any Kernel)? {
  let view = AxisView(request.inputTypes[0].shape, axis: axis)
  let index = request.inputTypes[1].elementType
  guard index == .int64 || index == .int32 else { return nil }
  let params = ir_gather_params(
    element_size: request.inputTypes[0].elementType.byteCount, outer: view.outer, axis: view.axis,
    inner: view.inner,
    index_count: count, index_size: index.byteCount)
  return CPUKernel(name) { arguments in
    var params = params
    run(&params, arguments)
  }
}

private func copyKernel(_ name: String, _ size: Int, _ copy: StridedCopy) -> (any Kernel)? {
  guard let params = parameters(copy, size) else { return nil }
  return CPUKernel(name) { arguments in
    var params = params
    ir_copy(
      &params, arguments.inputs[0] + copy.sourceStart * size,
      arguments.outputs[0] + copy.destinationStart * size,
      arguments.threads)
  }
}

private func parameters(_ copy: StridedCopy, _ size: Int) -> ir_copy_params? {
  // Axes that both sides walk in one stride become one.
  var (shape, source, destination) = ([Int](), [Int](), [Int]())
  for axis in copy.shape.indices where copy.shape[axis] != 1 {
    let extent = copy.shape[axis]
    if let last = shape.indices.last, source[last] == copy.sourceStrides[axis] * extent,
      destination[last] == copy.destinationStrides[axis] * extent
    {
      shape[last] *= extent
      source[last] = copy.sourceStrides[axis]
      destination[last] = copy.destinationStrides[axis]
    } else {
      shape.append(extent)
      source.append(copy.sourceStrides[axis])
      destination.append(copy.destinationStrides[axis])
    }
  }
  if shape.isEmpty { (shape, source, destination) = ([1], [1], [1]) }
  guard shape.count <= Int(IR_MOVEMENT_MAX_RANK) else { return nil }
  var params = ir_copy_params()
  params.element_size = size
  params.rank = shape.count
  fill(&params.shape, shape)
  fill(&params.source_strides, source)
  fill(&params.destination_strides, destination)
  return params
}

/// Writes integers into a C array.
private func fill<T>(_ array: inout T, _ values: [Int]) {
  withUnsafeMutableBytes(of: &array) { bytes in
    let integers = bytes.bindMemory(to: Int.self)
    for (index, value) in values.enumerated() { integers[index] = value }
  }
}

private func sixAxisKernel(
  _ name: String, _ size: Int, _ x: Shape, _ axes: (shape: (Shape) -> Shape, permutation: [Int])
) -> (any Kernel)? {
  let split = axes.shape(x)
  let strides = split.strides
  let shape = Shape(axes.permutation.map { split[$0] })
  return copyKernel(
    name, size,
    StridedCopy(
      shape: shape.extents, sourceStrides: axes.permutation.map { strides[$0] },
      destinationStrides: shape.strides))
}

private func sliceGradientKernel(_ gradient: SliceGradient, _ x: Shape, _ y: Shape, _ size: Int) -> (
  any Kernel
)? {
  let strides = y.strides
  let start = x.elementCount == 0 ? 0 : zip(gradient.starts, strides).reduce(0) { $0 + $1.0 * $1.1 }
  let copy = StridedCopy(
    shape: x.extents, sourceStrides: x.strides, destinationStart: start,
    destinationStrides: zip(gradient.steps, strides).map { $0 * $1 })
  guard let params = parameters(copy, size) else { return nil }
  let byteCount = y.elementCount * size
  return CPUKernel("slice.gradient") { arguments in
    var params = params
    arguments.outputs[0].initializeMemory(as: UInt8.self, repeating: 0, count: byteCount)
    ir_copy(&params, arguments.inputs[0], arguments.outputs[0] + start * size, arguments.threads)
  }
}

private func concatenateKernel(axis: Int, _ inputs: [Shape], _ y: Shape, _ size: Int) -> (any Kernel)? {
  var start = 0
  var pieces: [(input: Int, params: ir_copy_params, offset: Int)] = []
  for (index, x) in inputs.enumerated() {
    let copy = StridedCopy(shape: x.extents, sourceStrides: x.strides, destinationStrides: y.strides)
    guard let params = parameters(copy, size) else { return nil }
    if x.elementCount > 0 { pieces.append((index, params, start * y.strides[axis] * size)) }
    start += x[axis]
  }
  let all = pieces
  return CPUKernel("concatenate") { arguments in
    for (input, params, offset) in all {
      var params = params
      ir_copy(&params, arguments.inputs[input], arguments.outputs[0] + offset, arguments.threads)
    }
  }
}

private func splitKernel(axis: Int, _ x: Shape, _ outputs: [Shape], _ size: Int) -> (any Kernel)? {
  var start = 0
  var pieces: [(output: Int, params: ir_copy_params, offset: Int)] = []
  for (index, y) in outputs.enumerated() {
    let copy = StridedCopy(shape: y.extents, sourceStrides: x.strides, destinationStrides: y.strides)
    guard let params = parameters(copy, size) else { return nil }
    if y.elementCount > 0 { pieces.append((index, params, start * x.strides[axis] * size)) }
    start += y[axis]
  }
  let all = pieces
  return CPUKernel("split") { arguments in
    for (output, params, offset) in all {
      var params = params
      ir_copy(&params, arguments.inputs[0] + offset, arguments.outputs[output], arguments.threads)
    }
  }
}

/// A copy for each part of the result that comes from one part of the input.
private func rollKernel(_ roll: Roll, _ x: Shape, _ size: Int) -> (any Kernel)? {
  var parts = [StridedCopy(shape: [], sourceStrides: x.strides, destinationStrides: x.strides)]
  for (axis, offset) in roll.offsets.enumerated() {
    let (extent, stride) = (x[axis], x.strides[axis])
    parts = parts.flatMap { part -> [StridedCopy] in
      var (front, back) = (part, part)
      front.shape.append(extent - offset)
      front.sourceStart += offset * stride
      back.shape.append(offset)
      back.destinationStart += (extent - offset) * stride
      return offset == 0 ? [front] : [front, back]
    }
  }
  var copies: [(params: ir_copy_params, from: Int, to: Int)] = []
  for part in parts {
    guard let params = parameters(part, size) else { return nil }
    copies.append((params, part.sourceStart * size, part.destinationStart * size))
  }
  let all = copies
  return CPUKernel("roll") { arguments in
    for (params, from, to) in all {
      var params = params
      ir_copy(&params, arguments.inputs[0] + from, arguments.outputs[0] + to, arguments.threads)
    }
  }
}

private func padKernel(_ pad: Pad, _ x: Shape, _ output: TensorType) -> (any Kernel)? {
  guard x.rank <= Int(IR_MOVEMENT_MAX_RANK), x.elementCount > 0 else { return nil }
  var params = ir_pad_params()
  params.element_size = output.elementType.byteCount
  params.rank = x.rank
  fill(&params.shape, x.extents)
  fill(&params.before, pad.before)
  fill(&params.after, pad.after)
  switch pad.mode {
  case .constant: params.mode = IR_PAD_CONSTANT
  case .reflect: params.mode = IR_PAD_REFLECT
  case .edge: params.mode = IR_PAD_EDGE
  case .wrap: params.mode = IR_PAD_WRAP
  }
  let value = Tensor(TensorType(output.elementType, .scalar), doubles: [pad.value])
  let fixed = params
  return CPUKernel("pad") { arguments in
    var params = fixed
    value.withUnsafeBytes { bytes in
      ir_pad(&params, arguments.inputs[0], bytes.baseAddress, arguments.outputs[0], arguments.threads)
    }
  }
}

/// Between float32 and float16.
func conversionKernel(_ request: KernelRequest) -> (any Kernel)? {
  guard request.operator is Cast, let input = request.inputTypes.first else { return nil }
  let count = input.shape.elementCount
  switch (input.elementType, request.outputTypes[0].elementType) {
  case (.float32, .float16):
    return CPUKernel("to-float16") { arguments in
      ir_convert_f32_to_f16(
        count, arguments.input(0), arguments.outputs[0].assumingMemoryBound(to: UInt16.self),
        arguments.threads)
    }
  case (.float16, .float32):
    return CPUKernel("to-float32") { arguments in
      ir_convert_f16_to_f32(
        count, arguments.inputs[0].assumingMemoryBound(to: UInt16.self), arguments.output(), arguments.threads
      )
    }
  default: return nil
  }
}
