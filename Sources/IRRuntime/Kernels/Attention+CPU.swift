import CIROperators
import IRCompiler
import IROperators
import IRTensor

extension Attention: FastOperator {
  /// Softmax attention whose scores stay in the cache; nil where it has more terms than the driver takes.
  func kernel(for request: KernelRequest, in library: CPUKernelLibrary) -> (any Kernel)? {
    let types = request.inputTypes
    let terms = types.dropFirst(3)
    let shape = types[0].shape
    let e = extents(types)
    guard terms.count <= Int(IR_ATTENTION_MAX_TERMS), e.keys > 0 else { return nil }
    var params = ir_attention_params()
    (params.images, params.heads) = (shape[0], heads)
    (params.queries, params.keys) = (e.queries, e.keys)
    (params.size, params.value_size, params.scale) = (size, valueSize, scale)
    // Heads' operands are rounded for each of their few products: they must have twice the channels.
    params.is_bfloat16 = library.support.isBFloat16(
      rows: e.keys, depth: min(size, valueSize) / 2)
    let hasWindows = !window.isEmpty
    if hasWindows {
      (params.height, params.width) = (shape[2], shape[3])
      (params.window_height, params.window_width) = (window[0], window[1])
      (params.offset_y, params.offset_x) = (offset[0], offset[1])
    }
    func operand(_ index: Int) -> ir_attention_operand {
      ir_attention_operand(
        channels: types[index].shape[hasWindows ? 1 : 2], first: starts[index])
    }
    (params.query, params.key, params.value) = (operand(0), operand(1), operand(2))
    params.term_count = terms.count
    withUnsafeMutableBytes(of: &params.terms) { bytes in
      let all = bytes.bindMemory(to: ir_attention_term.self)
      for (index, term) in terms.enumerated() {
        let strides = term.shape.broadcastStrides(to: [e.batch, heads, e.keys, e.queries])
        all[index] = ir_attention_term(batch_stride: strides[0], head_stride: strides[1])
      }
    }
    let workspace = ir_attention_workspace(&params, Int32(request.threadCount))
    let fixed = params
    let name = "attention" + (hasWindows ? ".windows" : "") + (params.is_bfloat16 ? ".bf16" : "")
    return CPUKernel(name, workspace: workspace) { arguments in
      var params = fixed
      let terms = arguments.inputs.dropFirst(3).map { Optional($0.assumingMemoryBound(to: Float.self)) }
      ir_attention(
        &params, arguments.input(0), arguments.input(1), arguments.input(2), terms, arguments.output(),
        arguments.workspace, arguments.threads)
    }
  }
}
