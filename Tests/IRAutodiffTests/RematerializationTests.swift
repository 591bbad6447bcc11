import IRAutodiff
import IRGraph
import IROperators
import IRTensor
import IRTestSupport
import Testing

/// Blocks one behind the other, normalization, GELU and 1×1, and the gradient of their picture.
private func blocks(_ count: Int) throws -> (graph: Graph, feeds: [String: Tensor]) {
  var generator = SeededGenerator(seed: 5)
  var builder = GraphBuilder()
  let picture = builder.input("x", TensorType(.float32, [1, 4, 6, 5]))
  var y = picture
  for _ in 0..<count {
    let (scale, bias) = (
      builder.constant(generator.tensor([4])), builder.constant(generator.tensor([4]))
    )
    let normal = try builder.value(LayerNormalization(axes: [1]), [y, scale, bias])
    let active = try builder.value(Activation(.gelu), [normal])
    y = try builder.convolution(active, weight: builder.constant(generator.tensor([4, 4, 1, 1])))
  }
  let square = try builder.value(Binary(.multiply), [y, y])
  let loss = try builder.value(Reduce(.sum, axes: [0, 1, 2, 3], keepsAxes: false), [square])
  var (graph, gradients) = try builder.graph.gradients(of: loss, withRespectTo: [picture])
  graph.addOutput(loss, name: "loss")
  graph.addOutput(try #require(gradients[0]), name: "gradient")
  graph.removeDeadNodes()
  return (graph, ["x": generator.tensor([1, 4, 6, 5])])
}

/// Less memory, the same bits, down to where nothing can be freed any more.
@Test func rematerializedGraphsComputeTheSameBits() throws {
  let (graph, feeds) = try blocks(6)
  let whole = graph.rematerialized(under: .max)
  #expect(whole.nodeCount == 0 && whole.graph.nodeCount == graph.nodeCount)
  let expected = try GraphInterpreter(graph).run(feeds)
  var (peaks, counts) = ([whole.peakByteCount], [0])
  for share in [0.95, 0.9, 0.8, 0] {
    let limit = Int(share * Double(whole.peakByteCount))
    let found = graph.rematerialized(under: limit)
    try found.graph.verify()
    #expect(found.graph.nodeCount >= graph.nodeCount)
    #expect(try GraphInterpreter(found.graph).run(feeds) == expected, "at \(share) of the memory")
    peaks.append(found.peakByteCount)
    counts.append(found.nodeCount)
  }
  #expect(peaks == peaks.sorted(by: >) && counts == counts.sorted(), "\(peaks) bytes, \(counts) nodes")
  #expect(counts[1] > 0 && peaks[1] <= Int(0.95 * Double(peaks[0])))
}

/// The least work goes first; a value that is read under another shape is made again under both.
@Test func cheapValuesAreComputedAgainFirst() throws {
  var b = GraphBuilder()
  let x = b.input("x", TensorType(.float32, [1, 8, 16, 16]))
  let weight = b.constant(Tensor(TensorType(.float32, [8, 8, 1, 1]), repeating: 0.5))
  let dear = try b.convolution(x, weight: weight, name: "dear")
  let cheap = try b.value(Unary(.relu), [dear], name: "cheap")
  let flat = try b.value(Reshape(shape: [1, 2048]), [cheap], name: "flat")
  let wide = try b.value(Concatenate(axis: 1), [dear, cheap], name: "wide")
  let widest = try b.value(Unary(.tanh), [wide], name: "widest")
  let sum = try b.value(Reduce(.sum, axes: [0, 1, 2, 3], keepsAxes: false), [widest], name: "sum")
  b.output(try b.value(Binary(.multiply), [flat, sum], name: "first"), name: "first")
  b.output(try b.value(Binary(.multiply), [dear, sum], name: "second"), name: "second")
  let graph = try b.finished()
  func made(_ limit: Int) throws -> (names: [String], peak: Int) {
    let found = graph.rematerialized(under: limit)
    try found.graph.verify()
    let names = found.graph.nodesInOrder.map { found.graph[$0].name }.filter { $0.hasSuffix(".again") }
    return (names.sorted(), found.peakByteCount)
  }
  let peak = try made(.max).peak
  #expect(peak == 6 * 8192)
  let one = try made(peak - 1)
  #expect(one.names == ["cheap.again", "flat.again"] && one.peak == 5 * 8192)
  let both = try made(0)
  #expect(both.names == ["cheap.again", "dear.again", "flat.again"] && both.peak < 5 * 8192)
}
