import IRGraph
import IROperators
import IRTensor

/// Windows that are put together again, unpooled, or read at computed places.
extension ONNXOperatorTable {
  static let folding: [String: Reader] = [
    "Col2Im": col2Im, "DeformConv": deformableConvolution, "MaxUnpool": maxUnpool, "LRN": localResponse,
    "GlobalLpPool": { (n) throws(ImportFailure) in
      let x = try n.input(0)
      guard n.shape(x).rank >= 2 else { throw .unsupported("its input \(n.shape(x)) has no spatial axes") }
      let (axes, p) = (Array(2..<n.shape(x).rank), n.int("p", 2))
      if p == 1 || p == 2 { return [try n.emit(Reduce(p == 1 ? .l1 : .l2, axes: axes), x)] }
      let powers = try n.binary(.power, try n.unary(.abs, x), n.scalar(Double(p), like: x))
      let sum = try n.emit(Reduce(.sum, axes: axes), powers)
      return [try n.binary(.power, sum, n.scalar(1 / Double(p), like: x))]
    },
  ]

  /// Overlapping blocks added up: a transposed convolution whose kernel puts each element of a block in its
  /// place.
  private static let col2Im: Reader = { (n) throws(ImportFailure) in
    let x = try n.input(0)
    let (image, block) = (try n.integers(1), try n.integers(2))
    let (shape, rank) = (n.shape(x), image.count)
    let ones = [Int](repeating: 1, count: rank)
    let (strides, dilations) = (n.ints("strides") ?? ones, n.ints("dilations") ?? ones)
    let pads = n.ints("pads") ?? [Int](repeating: 0, count: 2 * rank)
    let numbers = image + block + strides + dilations
    guard shape.rank == 3, rank >= 1, rank <= 8, block.count == rank, strides.count == rank,
      dilations.count == rank, pads.count == 2 * rank,
      numbers.allSatisfy({ (1...(1 << 30)).contains($0) }), pads.allSatisfy({ (0...(1 << 30)).contains($0) }),
      let size = Shape(block).checkedElementCount, size <= 1 << 12, shape[1] % size == 0
    else {
      throw .unsupported(
        "blocks of \(block) in an image of \(image) from \(shape), strides \(strides), dilations \(dilations), "
          + "pads \(pads)")
    }
    var (counts, rests) = ([Int](), [Int]())
    for axis in 0..<rank {
      let room = image[axis] + pads[axis] + pads[axis + rank] - dilations[axis] * (block[axis] - 1) - 1
      guard room >= 0 else { throw .unsupported("a block of \(block) exceeds an image of \(image)") }
      counts.append(room / strides[axis] + 1)
      rests.append(room % strides[axis])
    }
    guard Shape(counts).checkedElementCount == shape[2] else {
      throw .unsupported("\(shape[2]) blocks, an image of \(image) takes \(counts)")
    }
    let channels = shape[1] / size
    guard let planes = Shape([shape[0], channels]).checkedElementCount else {
      throw .unsupported("\(channels) channels of \(shape[0]) images")
    }
    let element = n.type(x).elementType
    try n.countElements(size * size)
    // Row k of the kernel is 1 at element k of the block.
    let kernel = Tensor(
      TensorType(element, Shape([size, 1] + block)),
      doubles: (0..<(size * size)).map { $0 / size == $0 % size ? 1 : 0 })
    let operation = ConvolutionTranspose(
      strides: strides, padsBefore: Array(pads[..<rank]), padsAfter: Array(pads[rank...]),
      dilations: dilations, outputPadding: rests)
    let blocks = try n.reshaped(x, Shape([planes, size] + counts))
    let result = try n.emit(operation, blocks, n.constant(kernel))
    return [try n.reshaped(result, Shape([shape[0], channels] + image))]
  }

  /// Samples at the kernel's places moved by offsets, then a product with the weights.
  private static let deformableConvolution: Reader = { (n) throws(ImportFailure) in
    let (x, weight, offset) = (try n.input(0), try n.input(1), try n.input(2))
    let (shape, w, o) = (n.shape(x), n.shape(weight), n.shape(offset))
    let (groups, offsetGroups) = (n.int("group", 1), n.int("offset_group", 1))
    let (strides, dilations) = (n.ints("strides") ?? [1, 1], n.ints("dilations") ?? [1, 1])
    let pads = n.ints("pads") ?? [0, 0, 0, 0]
    guard shape.rank == 4, w.rank == 4, o.rank == 4, strides.count == 2, dilations.count == 2,
      pads.count == 4,
      !shape.contains(0), !w.contains(0), !o.contains(0),
      (o.extents + w.extents).allSatisfy({ $0 < 1 << 24 }),
      (strides + dilations).allSatisfy({ (1...(1 << 30)).contains($0) }),
      pads.allSatisfy({ $0.magnitude <= 1 << 30 })
    else {
      throw .unsupported(
        "an input of \(shape), a weight of \(w) and offsets of \(o): only pictures are supported")
    }
    let (taps, places) = (w[2] * w[3], o[2] * o[3])
    guard groups > 0, offsetGroups > 0, shape[1] == w[1].multipliedReportingOverflow(by: groups).partialValue,
      w[0] % groups == 0, shape[1] % offsetGroups == 0, o[0] == shape[0],
      o[1] == (2 * taps).multipliedReportingOverflow(by: offsetGroups).partialValue
    else {
      throw .unsupported(
        "\(shape[1]) channels in \(groups) groups and \(offsetGroups) offset groups, weight \(w), offsets \(o)"
      )
    }
    let (batch, perOffset) = (shape[0] * offsetGroups, shape[1] / offsetGroups)
    for axis in 0..<2 {
      let reach = dilations[axis].multipliedReportingOverflow(by: w[axis + 2] - 1)
      let room = shape[axis + 2] + pads[axis] + pads[axis + 2] - 1 - reach.partialValue
      guard !reach.overflow, reach.partialValue < 1 << 40, room >= 0, room / strides[axis] + 1 == o[axis + 2]
      else { throw .unsupported("offsets of \(o) for an input of \(shape) and a weight of \(w)") }
    }
    // Places in the grid's units, where -1 and 1 are the outer edges of the picture.
    let moved = try n.reshaped(offset, [batch, taps, 2, places])
    func coordinates(_ axis: Int) throws(ImportFailure) -> ValueID {
      let type = n.type(offset).elementType
      let steps = (0..<taps).map { Double((axis == 0 ? $0 / w[3] : $0 % w[3]) * dilations[axis]) }
      let starts = (0..<o[axis + 2]).map { Double($0 * strides[axis] - pads[axis]) }
      let ofTaps = n.constant(Tensor(TensorType(type, [taps, 1, 1]), doubles: steps))
      let ofPlaces = n.constant(
        Tensor(TensorType(type, axis == 0 ? [o[2], 1] : [o[3]]), doubles: starts))
      let own = try n.reshaped(try n.slice(moved, axis: 2, at: axis), [batch, taps, o[2], o[3]])
      let position = try n.binary(.add, try n.binary(.add, own, ofTaps), ofPlaces)
      let length = Double(shape[axis + 2])
      let scaled = try n.binary(.multiply, position, n.scalar(2 / length, like: position))
      let shifted = try n.binary(.add, scaled, n.scalar(1 / length - 1, like: position))
      return try n.reshaped(shifted, [batch, taps, places, 1])
    }
    let grid = try n.emitAll(Concatenate(axis: 3), [try coordinates(1), try coordinates(0)])[0]
    let planes = try n.reshaped(x, [batch, perOffset, shape[2], shape[3]])
    var samples = try n.emit(GridSample(mode: .linear, padding: .zeros), planes, grid)
    if n.has(4) {
      samples = try n.binary(
        .multiply, samples, try n.reshaped(try n.input(4), [batch, 1, taps, places]))
    }
    let columns = try n.reshaped(samples, [shape[0], groups, w[1] * taps, places])
    let rows = try n.reshaped(weight, [1, groups, w[0] / groups, w[1] * taps])
    var result = try n.reshaped(
      try n.emit(MatrixMultiply(), rows, columns), [shape[0], w[0], o[2], o[3]])
    if n.has(3) { result = try n.binary(.add, result, try n.reshaped(try n.input(3), [w[0], 1, 1])) }
    return [result]
  }

  private static let maxUnpool: Reader = { (n) throws(ImportFailure) in
    let (x, indices) = (try n.input(0), try n.input(1))
    let (shape, kernel) = (n.shape(x), n.ints("kernel_shape") ?? [])
    let rank = shape.rank - 2
    let strides = n.ints("strides") ?? [Int](repeating: 1, count: kernel.count)
    let pads = n.ints("pads") ?? [Int](repeating: 0, count: 2 * kernel.count)
    guard rank >= 1, kernel.count == rank, strides.count == rank, pads.count == 2 * rank,
      (kernel + strides).allSatisfy({ (1...(1 << 30)).contains($0) }),
      pads.allSatisfy({ (0...(1 << 30)).contains($0) }), shape.allSatisfy({ $0 < 1 << 30 })
    else { throw .unsupported("a window of \(kernel), strides \(strides), pads \(pads) over \(shape)") }
    var extents = [shape[0], shape[1]]
    for axis in 0..<rank {
      extents.append(
        (shape[axis + 2] - 1) * strides[axis] - pads[axis] - pads[axis + rank] + kernel[axis])
    }
    guard extents.allSatisfy({ $0 > 0 }), let count = Shape(extents).checkedElementCount, count <= 1 << 28
    else { throw .unsupported("an unpooled \(Shape(extents)) of \(shape)") }
    let zeros = try n.filled(0, TensorType(n.type(x).elementType, [count]))
    let flat: Shape = [shape.elementCount]
    let placed = try n.emit(
      ScatterElements(axis: 0), zeros, try n.reshaped(indices, flat), try n.reshaped(x, flat))
    let result = try n.reshaped(placed, Shape(extents))
    guard n.has(2) else { return [result] }
    let target = try n.integers(2)
    let after = zip(target, extents).map { $0 &- $1 }
    guard target.count == extents.count, after.allSatisfy({ (0...(1 << 30)).contains($0) }) else {
      throw .unsupported("an output of \(target), the window gives \(extents)")
    }
    guard after.contains(where: { $0 > 0 }) else { return [result] }
    return [
      try n.emit(Pad(before: [Int](repeating: 0, count: after.count), after: after, mode: .constant), result)
    ]
  }

  /// Each channel divided by a power of the mean square of the channels beside it.
  private static let localResponse: Reader = { (n) throws(ImportFailure) in
    let x = try n.input(0)
    let (shape, size) = (n.shape(x), n.int("size"))
    guard shape.rank >= 2, size > 0, !shape.contains(0) else {
      throw .unsupported("\(size) channels beside each of \(shape)")
    }
    let squares = try n.unary(.square, x)
    let mean: ValueID
    if size >= 2 * shape[1] {
      let sum = try n.emit(Reduce(.sum, axes: [1]), squares)
      mean = try n.binary(.multiply, sum, n.scalar(1 / Double(size), like: x))
    } else {
      let plane: Shape = [shape[0], 1, shape[1], shape.elementCount(in: 2..<shape.rank)]
      let window = PoolingWindow(
        kernel: [size, 1], strides: [1, 1], dilations: [1, 1], padsBefore: [(size - 1) / 2, 0],
        padsAfter: [size / 2, 0])
      let pooled = try n.emit(
        AveragePool(window: window, countsPadding: true), try n.reshaped(squares, plane))
      mean = try n.reshaped(pooled, shape)
    }
    let scaled = try n.binary(.multiply, mean, n.scalar(Double(n.float("alpha", 1e-4)), like: x))
    let shifted = try n.binary(.add, scaled, n.scalar(Double(n.float("bias", 1)), like: x))
    let power = try n.binary(.power, shifted, n.scalar(Double(n.float("beta", 0.75)), like: x))
    return [try n.binary(.divide, x, power)]
  }
}
