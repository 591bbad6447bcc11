import IRGraph
import IRTensor
import Testing

@testable import IRONNX

/// One node on inputs of these sizes, and lists of integers.
private func said(
  _ opType: String, _ sizes: [[Int64]], _ attributes: [String: ONNXAttribute] = [:],
  lists: [[Int64]] = [], domain: String = ""
) -> String {
  var inputs: [ONNXValueInfo] = []
  var names: [String] = []
  for (index, extents) in sizes.enumerated() {
    names.append("x\(index)")
    inputs.append(
      ONNXValueInfo("x\(index)", .tensor(elementType: 1, shape: extents.map { .fixed($0) })))
  }
  var integers: [String: [Int64]] = [:]
  for (index, list) in lists.enumerated() {
    names.append("l\(index)")
    integers["l\(index)"] = list
  }
  return refusal(
    graph(inputs, [node(opType, names, ["y"], attributes, domain: domain)], ["y"], integers: integers))
}

private let huge: [Int64] = [1 << 40, .max, .min, -1, 0]

@Test func hostileBlocksAreRefused() {
  for number in huge {
    #expect(said("Col2Im", [[1, 9, 4]], lists: [[number, 4], [3, 3]]).contains("blocks of [3, 3]"))
    #expect(said("Col2Im", [[1, 9, 4]], lists: [[4, 4], [number, 3]]).contains("blocks of"))
    #expect(
      said("Col2Im", [[1, 9, 4]], ["strides": .ints([number, 1])], lists: [[4, 4], [3, 3]]).contains(
        "strides"))
  }
  #expect(
    said("Col2Im", [[1, 9, 4]], ["pads": .ints([1 << 40, 0, 0, 0])], lists: [[4, 4], [3, 3]]).contains("pads")
  )
  #expect(
    said("Col2Im", [[1, 9, 5]], lists: [[4, 4], [3, 3]]).contains("5 blocks, an image of [4, 4] takes [2, 2]")
  )
  #expect(said("Col2Im", [[1, 9, 4]], lists: [[4, 4], [3, 3]]) == "(nothing was thrown)")
  #expect(
    said("Col2Im", [[1, 1 << 12, 4]], lists: [[1 << 10, 1 << 10], [1 << 10, 1 << 10]]).contains("blocks of"))
}

@Test func hostileDeformableConvolutionsAreRefused() {
  let right: [[Int64]] = [[1, 4, 6, 7], [2, 4, 3, 3], [1, 18, 4, 5]]
  #expect(said("DeformConv", right) == "(nothing was thrown)")
  for number in huge {
    for name in ["group", "offset_group"] {
      let answer = said("DeformConv", right, [name: .int(number)])
      #expect(answer.contains("4 channels in"), "\(answer)")
    }
    for name in ["strides", "dilations"] {
      #expect(said("DeformConv", right, [name: .ints([number, 1])]) != "(nothing was thrown)")
    }
  }
  for pads in [[1 << 40, 0, 0, 0], [.min, 0, 0, 0], [0, 0, 0, 0, 0]] as [[Int64]] {
    #expect(said("DeformConv", right, ["pads": .ints(pads)]).contains("only pictures are supported"))
  }
  #expect(
    said("DeformConv", [[1, 4, 6, 7], [2, 4, 3, 3], [1, 18, 4, 6]]).contains("offsets of [1, 18, 4, 6]"))
  #expect(
    said("DeformConv", [[1, 4, 6, 7], [2, 3, 3, 3], [1, 18, 4, 5]]).contains("4 channels in 1 groups"))
  #expect(said("DeformConv", [[1, 4, 6], [2, 4, 3], [1, 18, 4]]).contains("only pictures are supported"))
}

/// Offsets that are not numbers, or far away, read something or nothing, and never trap.
@Test(arguments: [Float.nan, .infinity, -.infinity, 1e30, -1e30]) func offsetsMayBeAnything(_ offset: Float)
  throws
{
  let whole = graph(
    [port("x", 1, 1, 3, 3), port("w", 1, 1, 2, 2), port("o", 1, 8, 2, 2)],
    [node("DeformConv", ["x", "w", "o"], ["y"])], ["y"])
  let inputs = [
    "x": Tensor([Float](repeating: 1, count: 9), shape: [1, 1, 3, 3]),
    "w": Tensor([Float](repeating: 1, count: 4), shape: [1, 1, 2, 2]),
    "o": Tensor([Float](repeating: offset, count: 32), shape: [1, 8, 2, 2]),
  ]
  #expect(try run(whole, inputs)["y"]?.shape == [1, 1, 2, 2])
}

@Test func hostileRecurrencesAreRefused() {
  let right: [[Int64]] = [[3, 2, 4], [1, 20, 4], [1, 20, 5]]
  #expect(said("LSTM", right, ["hidden_size": .int(5)]) == "(nothing was thrown)")
  for number in huge {
    #expect(said("LSTM", right, ["hidden_size": .int(number)]).contains("the recurrent weight has 5"))
  }
  #expect(said("LSTM", right, ["direction": .string("sideways")]).contains("direction sideways"))
  #expect(
    said("LSTM", right, ["activations": .strings([Array("Relu".utf8)])]).contains("1 activations, it takes 3")
  )
  let names = ["Tanh", "Tanh", "Nothing"].map { Array($0.utf8) }
  #expect(said("LSTM", right, ["activations": .strings(names)]).contains("activation Nothing"))
  #expect(said("LSTM", right, ["clip": .float(-2)]).contains("Recurrence.clip"))
  #expect(said("GRU", [[1 << 40, 1 << 30, 4], [1, 15, 4], [1, 15, 5]]).contains("not a size"))
  #expect(said("GRU", [[1 << 30, 1 << 10, 4], [1, 15, 4], [1, 15, 5]]) == "(nothing was thrown)")
  #expect(said("RNN", [[3, 2, 4], [1, 5, 4], [1, 5, 0]]).contains("a state of 0"))
  #expect(said("RNN", [[3, 2], [1, 5, 4], [1, 5, 5]]).contains("sequences of [3, 2]"))
}

@Test func hostileWindowsAreRefused() {
  for number in huge {
    #expect(
      said("MaxUnpool", [[1, 1, 2, 2], [1, 1, 2, 2]], ["kernel_shape": .ints([number, 2])]).contains(
        "a window of"))
    #expect(
      number > 0 || said("LRN", [[1, 4, 2, 2]], ["size": .int(number)]).contains("channels beside each"))
    #expect(
      said("HannWindow", [], lists: [[number]]).contains("a window of \(number) elements") || number == 0)
    #expect(said("STFT", [[1, 40, 1]], lists: [[number], [1]]) != "(nothing was thrown)")
  }
  // All channels lie beside each.
  #expect(said("LRN", [[1, 4, 2, 2]], ["size": .int(.max)]) == "(nothing was thrown)")
  let grown = said(
    "MaxUnpool", [[1, 1, 1 << 20, 1 << 20], [1, 1, 1 << 20, 1 << 20]], ["kernel_shape": .ints([2, 2])])
  #expect(grown.contains("an unpooled"), "\(grown)")
  #expect(said("MelWeightMatrix", [], lists: [[1 << 40], [1 << 40], [1], [0], [0]]).contains("mel bins"))
}

@Test func hostileSelectionsAreRefused() {
  #expect(
    said("Compress", [[3]], ["axis": .int(7)], lists: [[1, 0, 1]]).contains("axis 7 is outside a rank of 1"))
  #expect(said("Compress", [[2]], lists: [[1, 0, 1]]).contains("3 conditions for 2 elements"))
  #expect(said("Unique", [[3]]).contains("shapes depend on the values of x0"))
  #expect(said("Unique", [], ["axis": .int(.min)], lists: [[1, 0, 1]]).contains("is outside a rank of 1"))
  #expect(said("CumProd", [[3]], lists: [[9]]).contains("axis 9 is outside a rank of 1"))
  #expect(said("Hardmax", [[3, 0]]).contains("ArgExtreme.empty"))
  #expect(
    said("RoiAlign", [[1, 1, 2, 2], [1, 4]], ["output_height": .int(1 << 40)], lists: [[0]]).contains(
      "RoiAlign.extents"))
  let regions: [Int64] = [9, 0, 0, 1, 1]
  var whole = graph(
    [port("x", 1, 1, 4, 4)], [node("MaxRoiPool", ["x", "r"], ["y"], ["pooled_shape": .ints([1, 1])])], ["y"],
    numbers: ["r": Tensor(regions.map { Float($0) }, shape: [1, 5])])
  #expect(refusal(whole).contains("a region of picture 9 of 1"))
  for number in [Float.nan, .infinity, 1e30] {
    whole.initializers = [ONNXTensor(Tensor([0, number, 0, 1, 1], shape: [1, 5]), name: "r")]
    #expect(refusal(whole).contains("regions that are not numbers, or too large"))
  }
  for cells in [[1 << 20, 1], [0, 1], [1]] as [[Int64]] {
    whole.nodes[0].attributes = [ONNXNamedAttribute("pooled_shape", .ints(cells))]
    #expect(refusal(whole).contains("cells of"))
  }
}

@Test func hostileAttentionIsRefused() {
  let three: [[Int64]] = [[1, 2, 8], [1, 2, 8], [1, 2, 8]]
  for number in huge {
    #expect(
      said("LinearAttention", three, ["q_num_heads": .int(number), "update_rule": .string("linear")])
        .contains("heads"))
    #expect(
      said("RotaryEmbedding", [[1, 2, 2, 8], [9, 4], [9, 4]], ["rotary_embedding_dim": .int(number)])
        != "(nothing was thrown)")
  }
  let long: [[Int64]] = Array(repeating: [1, 1 << 30, 8], count: 3)
  let heads: [String: ONNXAttribute] = [
    "q_num_heads": .int(2), "kv_num_heads": .int(2), "update_rule": .string("linear"),
  ]
  #expect(said("LinearAttention", long, heads).contains("1073741824 steps, too many to unroll"))
  #expect(said("CausalConvWithState", [[1, 4, 5], [4, 1, 0]]).contains("a weight of [4, 1, 0]"))
}

@Test func hostileQuantizedNodesAreRefused() {
  #expect(said("MatMulInteger", [[2, 2], [2, 2]]).contains("it takes integers of 8 or 16 bits"))
  #expect(said("QLinearConcat", [[1]], domain: "com.microsoft").contains("1 inputs, it takes"))
  #expect(
    said(
      "FusedConv", [[1, 1, 4, 4], [1, 1, 3, 3]], ["activation": .string("Nothing")], domain: "com.microsoft"
    ).contains("activation Nothing"))
}
