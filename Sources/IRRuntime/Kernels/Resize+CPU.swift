import CIROperators
import IRCompiler
import IROperators
import IRTensor

/// The taps of one axis as the driver reads them: every coordinate with as many, padded with zeros.
private struct TapTable: Sendable {
  var count = 1
  var indices: [Int32] = []
  var weights: [Float] = []

  init?(_ taps: [Resize.Taps?]) {
    count = taps.map { $0?.count ?? 0 }.max() ?? 1
    for coordinate in taps {
      guard let coordinate, let first = coordinate.first else { return nil }
      for k in 0..<count {
        indices.append(Int32(k < coordinate.count ? coordinate[k].index : first.index))
        weights.append(k < coordinate.count ? Float(coordinate[k].weight) : 0)
      }
    }
  }
}

extension Resize: FastOperator {
  /// Resampling of the last two axes.
  func kernel(for request: KernelRequest, in library: CPUKernelLibrary) -> (any Kernel)? {
    let (x, y) = (request.inputTypes[0].shape, request.outputTypes[0].shape)
    let rank = x.rank
    guard rank >= 2, changedAxes(x).allSatisfy({ $0 >= rank - 2 }), y.elementCount > 0,
      let rows = TapTable(taps(axis: rank - 2, length: x[rank - 2])),
      let columns = TapTable(taps(axis: rank - 1, length: x[rank - 1]))
    else { return nil }
    return resampling("resize2d", x, y, rows, columns, request)
  }
}

extension ResizeGradient: FastOperator {
  func kernel(for request: KernelRequest, in library: CPUKernelLibrary) -> (any Kernel)? {
    let (x, y) = (request.inputTypes[0].shape, request.outputTypes[0].shape)
    let rank = x.rank
    func taps(_ axis: Int) -> [Resize.Taps?] {
      // An axis that does not change would be summed with itself.
      resize.changedAxes(y).contains(axis)
        ? self.taps(axis: axis).map { $0.isEmpty ? [(0, 0)] : $0 } : (0..<y[axis]).map { [($0, 1)] }
    }
    guard rank >= 2, resize.changedAxes(y).allSatisfy({ $0 >= rank - 2 }), x.elementCount > 0,
      y.elementCount > 0, let rows = TapTable(taps(rank - 2)), let columns = TapTable(taps(rank - 1))
    else { return nil }
    return resampling("resize2d.gradient", x, y, rows, columns, request)
  }
}

private func resampling(
  _ name: String, _ x: Shape, _ y: Shape, _ rows: TapTable, _ columns: TapTable, _ request: KernelRequest
) -> any Kernel {
  let rank = x.rank
  let planes = x.elementCount(in: 0..<(rank - 2))
  @Sendable func withParameters<R>(_ body: (inout ir_resize2d_params) -> R) -> R {
    rows.indices.withUnsafeBufferPointer { rowIndices in
      rows.weights.withUnsafeBufferPointer { rowWeights in
        columns.indices.withUnsafeBufferPointer { columnIndices in
          columns.weights.withUnsafeBufferPointer { columnWeights in
            var params = ir_resize2d_params(
              planes: planes, input_height: x[rank - 2], input_width: x[rank - 1], output_height: y[rank - 2],
              output_width: y[rank - 1],
              y: ir_resize_taps(
                tap_count: rows.count, indices: rowIndices.baseAddress, weights: rowWeights.baseAddress),
              x: ir_resize_taps(
                tap_count: columns.count, indices: columnIndices.baseAddress,
                weights: columnWeights.baseAddress))
            return body(&params)
          }
        }
      }
    }
  }
  let threads = Int32(request.threadCount)
  let workspace = withParameters { ir_resize2d_workspace(&$0, threads) }
  return CPUKernel(name, workspace: workspace) { arguments in
    withParameters {
      ir_resize2d(&$0, arguments.input(0), arguments.output(), arguments.workspace, arguments.threads)
    }
  }
}

extension GridSample: FastOperator {
  /// Reading at given places of the last two axes.
  func kernel(for request: KernelRequest, in library: CPUKernelLibrary) -> (any Kernel)? {
    let (x, grid) = (request.inputTypes[0].shape, request.inputTypes[1].shape)
    guard x.rank == 4, x.elementCount(in: 2..<4) <= Int(Int32.max) else { return nil }
    let mode =
      switch self.mode {
      case .nearest: IR_GRID_NEAREST
      case .linear: IR_GRID_LINEAR
      case .cubic: IR_GRID_CUBIC
      }
    let padding =
      switch self.padding {
      case .zeros: IR_GRID_ZEROS
      case .border: IR_GRID_BORDER
      case .reflection: IR_GRID_REFLECTION
      }
    let params = ir_grid_sample_params(
      batch: x[0], channels: x[1], input_height: x[2], input_width: x[3],
      place_count: grid.elementCount(in: 1..<3),
      mode: mode, padding: padding, aligns_corners: self.alignsCorners)
    let workspace = withUnsafePointer(to: params) { ir_grid_sample_workspace($0, Int32(request.threadCount)) }
    return CPUKernel("grid-sample", workspace: workspace) { arguments in
      var params = params
      ir_grid_sample(
        &params, arguments.input(0), arguments.input(1), arguments.output(), arguments.workspace,
        arguments.threads)
    }
  }
}
