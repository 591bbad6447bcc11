import IRGraph
import IROperators
import IRTensor
import Testing

/// Adds a node with attributes that only a hostile file has, and says what the graph answers.
func constraint(
  of operation: any Operator, on inputs: [TensorType]
) throws(GraphError) -> String {
  var builder = GraphBuilder()
  var values: [ValueID] = []
  for (index, type) in inputs.enumerated() { values.append(builder.input("x\(index)", type)) }
  do { _ = try builder.apply(operation, values) } catch {
    switch error {
    case .type(_, _, let error): return error.constraint
    case .tooLarge: return "tooLarge"
    default: throw error
    }
  }
  return "accepted"
}

func floats(_ extents: Int...) -> TensorType { TensorType(.float32, Shape(extents)) }

@Test(arguments: [
  Slice(starts: [.max], steps: [1], extents: [0]), Slice(starts: [.min], steps: [-1], extents: [0]),
  Slice(starts: [0], steps: [.max], extents: [1]), Slice(starts: [0], steps: [.min], extents: [1]),
  Slice(starts: [0], steps: [1], extents: [.min]), Slice(starts: [0], steps: [1], extents: [.max]),
])
func sliceLimits(_ slice: Slice) throws {
  #expect(try constraint(of: slice, on: [floats(4)]) == "Slice.limits")
}

@Test func sliceRange() throws {
  for slice in [
    Slice(starts: [2], steps: [1], extents: [3]), Slice(starts: [1], steps: [-1], extents: [3]),
    Slice(starts: [-1], steps: [1], extents: [1]),
  ] {
    #expect(try constraint(of: slice, on: [floats(4)]) == "Slice.range")
  }
}

@Test func extentsOfEmptyValuesAreLimitedToo() throws {
  let huge = Shape([0, 1 << 41])
  #expect(try constraint(of: Reshape(shape: huge), on: [floats(0)]) == "tooLarge")
  let wide = TensorType(.float32, Shape([0, 1, 1 << 40, 1]))
  #expect(try constraint(of: DepthToSpace(blockSize: 1 << 30), on: [wide]) == "DepthToSpace.channels")
  #expect(
    try constraint(of: Pad(before: [0, 0, 1 << 40, 0], after: [0, 0, 0, 0]), on: [wide]) == "tooLarge")
  #expect(try constraint(of: Tile(repeats: [1, 1, 4, 1]), on: [wide]) == "tooLarge")
}

@Test func gridSampleGrid() throws {
  let image = floats(1, 2, 4, 5)
  for grid in [floats(1, 3, 3, 3), floats(2, 3, 3, 2), floats(1, 3, 2)] {
    #expect(try constraint(of: GridSample(mode: .linear), on: [image, grid]) == "GridSample.grid")
  }
  #expect(
    try constraint(of: GridSample(mode: .linear), on: [floats(1, 2, 0, 5), floats(1, 3, 3, 2)])
      == "GridSample.empty")
}

/// Coordinates that are not numbers, or far away, read something or nothing, and never trap.
@Test(arguments: [ResizeMode.nearest, .linear, .cubic], GridPadding.allCases)
func gridSampleTakesEveryCoordinate(_ mode: ResizeMode, _ padding: GridPadding) {
  let image = Tensor([Float(1), 2, 3, 4], shape: [1, 1, 2, 2])
  let grid = Tensor([Float.nan, .infinity, -.infinity, 1e30, -1e30, 0, 1, -1], shape: [1, 2, 2, 2])
  for alignsCorners in [false, true] {
    let sample = GridSample(mode: mode, padding: padding, alignsCorners: alignsCorners)
    let result = sample.evaluate([image, grid])[0]
    #expect(result.shape == [1, 1, 2, 2])
    #expect(result.floats.allSatisfy { $0.isFinite }, "\(result.floats)")
    if padding == .zeros { #expect(result.floats.prefix(3) == [0, 0, 0]) }
    // The corner of the second column.
    if alignsCorners { #expect(result.floats[3] == 2) }
  }
}

@Test func triluTakesEveryDiagonal() {
  let x = Tensor([Float(1), 2, 3, 4], shape: [2, 2])
  for (diagonal, isUpper, expected) in [
    (Int.min, true, [1, 2, 3, 4]), (.max, true, [0, 0, 0, 0]), (.min, false, [0, 0, 0, 0]),
    (.max, false, [1, 2, 3, 4]), (1, true, [0, 2, 0, 0]), (0, false, [1, 0, 3, 4]),
  ] as [(Int, Bool, [Float])] {
    #expect(Trilu(isUpper: isUpper, diagonal: diagonal).evaluate([x])[0].floats == expected)
  }
}

@Test func movedElementsAreExact() {
  let large = Int64.max - 1
  let data = Tensor([Int64(1), 2], shape: [2])
  let index = Tensor([Int64(1)], shape: [1])
  let update = Tensor([large], shape: [1])
  for (reduction, expected) in [
    (ScatterReduction.none, large), (.maximum, large), (.minimum, 2), (.add, 2 &+ large),
    (.multiply, 2 &* large),
  ] as [(ScatterReduction, Int64)] {
    let result = ScatterElements(axis: 0, reduction: reduction).evaluate([data, index, update])[0]
    #expect(result.integers == [1, expected])
  }
  let resize = Resize(mode: .nearest, coordinates: .asymmetric, rounding: .floor, extents: [4], scales: [2])
  #expect(resize.evaluate([Tensor([large, Int64(3)], shape: [2])])[0].integers == [large, large, 3, 3])
  let payload = Tensor(TensorType(.float16, [1])) { $0.storeBytes(of: UInt16(0x7E55), as: UInt16.self) }
  let doubled = Resize(mode: .nearest, coordinates: .asymmetric, rounding: .floor, extents: [2], scales: [2])
  #expect(doubled.evaluate([payload])[0].withUnsafeBytes { $0.load(as: UInt16.self) } == 0x7E55)
}

@Test func rollOffsets() throws {
  for offsets in [[4], [-1], [.max], [0, 0], []] {
    #expect(try constraint(of: Roll(offsets: offsets), on: [floats(4)]) == "Roll.offsets")
  }
  #expect(try constraint(of: Roll(offsets: [0]), on: [floats(0)]) == "accepted")
}

@Test func attentionConstraints() throws {
  let tokens = floats(2, 5, 12)
  func answer(
    heads: Int = 2, size: Int = 6, starts: [Int] = [0, 0, 0], window: [Int] = [], offset: [Int] = [],
    _ inputs: [TensorType]
  ) throws -> String {
    try constraint(
      of: Attention(
        heads: heads, size: size, valueSize: 6, scale: 1, starts: starts, window: window, offset: offset),
      on: inputs)
  }
  #expect(try answer([tokens, tokens, tokens]) == "accepted")
  #expect(try answer([tokens, tokens]) == "Attention.inputCount")
  #expect(try answer(heads: .max, [tokens, tokens, tokens]) == "Attention.channels")
  #expect(try answer(heads: 1 << 20, size: 1 << 20, [tokens, tokens, tokens]) == "Attention.channels")
  #expect(try answer(starts: [0, 1, 0], [tokens, tokens, tokens]) == "Attention.channels")
  #expect(try answer(starts: [0], [tokens, tokens, tokens]) == "Attention.channels")
  #expect(try answer([tokens, tokens, floats(1, 5, 12)]) == "Attention.operands")
  #expect(try answer([tokens, tokens, floats(2, 4, 12)]) == "Attention.tokens")
  #expect(try answer([tokens, tokens, tokens, floats(5)]) == "Attention.term")
  #expect(try answer([tokens, tokens, tokens, floats(3, 1, 5, 5)]) == "Attention.term")
  let picture = floats(1, 12, 8, 6)
  let pictures = [picture, picture, picture]
  #expect(try answer(window: [4, 3], offset: [7, 0], pictures) == "accepted")
  #expect(try answer(window: [3, 3], offset: [0, 0], pictures) == "Attention.window")
  #expect(try answer(window: [4, 0], offset: [0, 0], pictures) == "Attention.window")
  #expect(try answer(window: [4, 3], offset: [8, 0], pictures) == "Attention.window")
  #expect(try answer(window: [4], offset: [0], pictures) == "Attention.window")
  #expect(try answer(window: [4, 3], offset: [0, 0], [tokens, tokens, tokens]) == "Attention.operands")
}
