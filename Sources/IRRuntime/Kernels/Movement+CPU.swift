import CIROperators
import IRCompiler
import IRGraph
import IROperators
import IRTensor

/// An operator that only moves elements, of any element type.
private protocol MovingOperator: FastOperator {}

extension MovingOperator {
  static var takesEveryType: Bool { true }
}

/// One strided copy: which element comes first on both sides, and how far the axes step.
private struct StridedCopy {
  var shape: [Int]
  var sourceStart = 0
  var sourceStrides: [Int]
  var destinationStart = 0
  var destinationStrides: [Int]

  /// The copy of elements of so many bytes; nil where it has more axes than the driver takes.
  func kernel(_ name: String, elementByteCount size: Int) -> (any Kernel)? {
    guard let params = parameters(elementByteCount: size) else { return nil }
    return CPUKernel(name) { arguments in
      var params = params
      ir_copy(
        &params, arguments.inputs[0] + sourceStart * size, arguments.outputs[0] + destinationStart * size,
        arguments.threads)
    }
  }

  /// nil as above.
  func parameters(elementByteCount size: Int) -> ir_copy_params? {
    // Axes that both sides walk in one stride become one.
    var (shape, source, destination) = ([Int](), [Int](), [Int]())
    for axis in self.shape.indices where self.shape[axis] != 1 {
      let extent = self.shape[axis]
      if let last = shape.indices.last, source[last] == sourceStrides[axis] * extent,
        destination[last] == destinationStrides[axis] * extent
      {
        shape[last] *= extent
        source[last] = sourceStrides[axis]
        destination[last] = destinationStrides[axis]
      } else {
        shape.append(extent)
        source.append(sourceStrides[axis])
        destination.append(destinationStrides[axis])
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
}

/// Writes integers into a C array.
private func fill<T>(_ array: inout T, _ values: [Int]) {
  withUnsafeMutableBytes(of: &array) { bytes in
    let integers = bytes.bindMemory(to: Int.self)
    for (index, value) in values.enumerated() { integers[index] = value }
  }
}

extension KernelRequest {
  /// The shape of the first input.
  fileprivate var x: Shape { inputTypes[0].shape }
  /// The shape of the first output.
  fileprivate var y: Shape { outputTypes[0].shape }
  fileprivate var elementByteCount: Int { inputTypes[0].elementType.byteCount }
}

extension Transpose: MovingOperator {
  func kernel(for request: KernelRequest, in library: CPUKernelLibrary) -> (any Kernel)? {
    let strides = request.x.strides
    let copy = StridedCopy(
      shape: request.y.extents, sourceStrides: permutation.map { strides[$0] },
      destinationStrides: request.y.strides)
    return copy.kernel("transpose", elementByteCount: request.elementByteCount)
  }
}

extension Expand: MovingOperator {
  func kernel(for request: KernelRequest, in library: CPUKernelLibrary) -> (any Kernel)? {
    let copy = StridedCopy(
      shape: request.y.extents, sourceStrides: request.x.broadcastStrides(to: request.y),
      destinationStrides: request.y.strides)
    return copy.kernel("expand", elementByteCount: request.elementByteCount)
  }
}

extension Slice: MovingOperator {
  func kernel(for request: KernelRequest, in library: CPUKernelLibrary) -> (any Kernel)? {
    let (y, strides) = (request.y, request.x.strides)
    let copy = StridedCopy(
      shape: y.extents,
      sourceStart: y.elementCount == 0 ? 0 : zip(starts, strides).reduce(0) { $0 + $1.0 * $1.1 },
      sourceStrides: zip(steps, strides).map { $0 * $1 }, destinationStrides: y.strides)
    return copy.kernel("slice", elementByteCount: request.elementByteCount)
  }
}

extension SliceGradient: MovingOperator {
  func kernel(for request: KernelRequest, in library: CPUKernelLibrary) -> (any Kernel)? {
    let (x, y, size) = (request.x, request.y, request.elementByteCount)
    let strides = y.strides
    let start = x.elementCount == 0 ? 0 : zip(starts, strides).reduce(0) { $0 + $1.0 * $1.1 }
    let copy = StridedCopy(
      shape: x.extents, sourceStrides: x.strides, destinationStart: start,
      destinationStrides: zip(steps, strides).map { $0 * $1 })
    guard let params = copy.parameters(elementByteCount: size) else { return nil }
    let byteCount = y.elementCount * size
    return CPUKernel("slice.gradient") { arguments in
      var params = params
      arguments.outputs[0].initializeMemory(as: UInt8.self, repeating: 0, count: byteCount)
      ir_copy(&params, arguments.inputs[0], arguments.outputs[0] + start * size, arguments.threads)
    }
  }
}

extension Tile: MovingOperator {
  func kernel(for request: KernelRequest, in library: CPUKernelLibrary) -> (any Kernel)? {
    let (x, y) = (request.x, request.y)
    let (from, to) = (x.strides, y.strides)
    // Each axis is two: which copy, and where in it.
    let copy = StridedCopy(
      shape: x.indices.flatMap { [x[$0] == 0 ? 0 : y[$0] / x[$0], x[$0]] },
      sourceStrides: x.indices.flatMap { [0, from[$0]] },
      destinationStrides: x.indices.flatMap { [x[$0] * to[$0], to[$0]] })
    return copy.kernel("tile", elementByteCount: request.elementByteCount)
  }
}

extension DepthToSpace: MovingOperator {
  func kernel(for request: KernelRequest, in library: CPUKernelLibrary) -> (any Kernel)? {
    StridedCopy(request.x, sixAxes).kernel("depth-to-space", elementByteCount: request.elementByteCount)
  }
}

extension SpaceToDepth: MovingOperator {
  func kernel(for request: KernelRequest, in library: CPUKernelLibrary) -> (any Kernel)? {
    StridedCopy(request.x, sixAxes).kernel("space-to-depth", elementByteCount: request.elementByteCount)
  }
}

extension StridedCopy {
  /// A move of x seen with six axes.
  fileprivate init(_ x: Shape, _ axes: (shape: (Shape) -> Shape, permutation: [Int])) {
    let split = axes.shape(x)
    let strides = split.strides
    let shape = Shape(axes.permutation.map { split[$0] })
    self.init(
      shape: shape.extents, sourceStrides: axes.permutation.map { strides[$0] },
      destinationStrides: shape.strides)
  }
}

/// Copies that make a result together, with byte offsets of their first elements.
private struct Copies: Sendable {
  private var all: [(params: ir_copy_params, input: Int, from: Int, output: Int, to: Int)] = []

  mutating func append(_ params: ir_copy_params, input: Int = 0, from: Int = 0, output: Int = 0, to: Int = 0)
  {
    all.append((params, input, from, output, to))
  }

  func kernel(_ name: String) -> any Kernel {
    CPUKernel(name) { arguments in
      for copy in all {
        var params = copy.params
        ir_copy(
          &params, arguments.inputs[copy.input] + copy.from, arguments.outputs[copy.output] + copy.to,
          arguments.threads)
      }
    }
  }
}

extension Concatenate: MovingOperator {
  func kernel(for request: KernelRequest, in library: CPUKernelLibrary) -> (any Kernel)? {
    let (y, size) = (request.y, request.elementByteCount)
    var start = 0
    var copies = Copies()
    for (index, x) in request.inputTypes.map(\.shape).enumerated() {
      let copy = StridedCopy(shape: x.extents, sourceStrides: x.strides, destinationStrides: y.strides)
      guard let params = copy.parameters(elementByteCount: size) else { return nil }
      if x.elementCount > 0 { copies.append(params, input: index, to: start * y.strides[axis] * size) }
      start += x[axis]
    }
    return copies.kernel("concatenate")
  }
}

extension Split: MovingOperator {
  func kernel(for request: KernelRequest, in library: CPUKernelLibrary) -> (any Kernel)? {
    let (x, size) = (request.x, request.elementByteCount)
    var start = 0
    var copies = Copies()
    for (index, y) in request.outputTypes.map(\.shape).enumerated() {
      let copy = StridedCopy(shape: y.extents, sourceStrides: x.strides, destinationStrides: y.strides)
      guard let params = copy.parameters(elementByteCount: size) else { return nil }
      if y.elementCount > 0 { copies.append(params, from: start * x.strides[axis] * size, output: index) }
      start += y[axis]
    }
    return copies.kernel("split")
  }
}

extension Roll: MovingOperator {
  /// A copy for each part of the result that comes from one part of the input.
  func kernel(for request: KernelRequest, in library: CPUKernelLibrary) -> (any Kernel)? {
    let (x, size) = (request.x, request.elementByteCount)
    var parts = [StridedCopy(shape: [], sourceStrides: x.strides, destinationStrides: x.strides)]
    for (axis, offset) in offsets.enumerated() {
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
    var copies = Copies()
    for part in parts {
      guard let params = part.parameters(elementByteCount: size) else { return nil }
      copies.append(params, from: part.sourceStart * size, to: part.destinationStart * size)
    }
    return copies.kernel("roll")
  }
}

extension Pad: MovingOperator {
  func kernel(for request: KernelRequest, in library: CPUKernelLibrary) -> (any Kernel)? {
    let (x, output) = (request.x, request.outputTypes[0])
    guard x.rank <= Int(IR_MOVEMENT_MAX_RANK), x.elementCount > 0 else { return nil }
    var params = ir_pad_params()
    params.element_size = output.elementType.byteCount
    params.rank = x.rank
    fill(&params.shape, x.extents)
    fill(&params.before, self.before)
    fill(&params.after, self.after)
    switch mode {
    case .constant: params.mode = IR_PAD_CONSTANT
    case .reflect: params.mode = IR_PAD_REFLECT
    case .edge: params.mode = IR_PAD_EDGE
    case .wrap: params.mode = IR_PAD_WRAP
    }
    let value = Tensor(TensorType(output.elementType, .scalar), doubles: [self.value])
    let fixed = params
    return CPUKernel("pad") { arguments in
      var params = fixed
      value.withUnsafeBytes { bytes in
        ir_pad(&params, arguments.inputs[0], bytes.baseAddress, arguments.outputs[0], arguments.threads)
      }
    }
  }
}

extension KernelRequest {
  /// A kernel that reads `count` indices along an axis of the first input; nil for indices of other types.
  fileprivate func gathering(
    _ name: String, axis: Int, _ count: Int,
    _ run: @escaping @Sendable (inout ir_gather_params, KernelArguments) -> Void
  ) -> (any Kernel)? {
    let view = AxisView(x, axis: axis)
    let index = inputTypes[1].elementType
    guard index == .int64 || index == .int32 else { return nil }
    let params = ir_gather_params(
      element_size: elementByteCount, outer: view.outer, axis: view.axis, inner: view.inner,
      index_count: count, index_size: index.byteCount)
    return CPUKernel(name) { arguments in
      var params = params
      run(&params, arguments)
    }
  }
}

extension Gather: MovingOperator {
  func kernel(for request: KernelRequest, in library: CPUKernelLibrary) -> (any Kernel)? {
    request.gathering("gather", axis: axis, request.inputTypes[1].shape.elementCount) {
      ir_gather(&$0, $1.inputs[0], $1.inputs[1], $1.outputs[0], $1.threads)
    }
  }
}

extension GatherElements: MovingOperator {
  func kernel(for request: KernelRequest, in library: CPUKernelLibrary) -> (any Kernel)? {
    let (x, indices) = (request.x, request.inputTypes[1].shape)
    guard x.indices.allSatisfy({ $0 == axis || x[$0] == indices[$0] }) else { return nil }
    return request.gathering("gather-elements", axis: axis, indices[axis]) {
      ir_gather_elements(&$0, $1.inputs[0], $1.inputs[1], $1.outputs[0], $1.threads)
    }
  }
}

extension Cast: FastOperator {
  static var takesEveryType: Bool { true }

  /// Between float32 and float16.
  func kernel(for request: KernelRequest, in library: CPUKernelLibrary) -> (any Kernel)? {
    let input = request.inputTypes[0]
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
          count, arguments.inputs[0].assumingMemoryBound(to: UInt16.self), arguments.output(),
          arguments.threads
        )
      }
    case (.float32, .float32): return ElementwiseChain(self)?.kernel(for: request)
    default: return nil
    }
  }
}
