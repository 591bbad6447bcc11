import IRGraph
import IROperators
import IRTensor

/// Relative operators: their sizes are numbers in the file, or a few nodes on the shapes of their inputs
/// where the file leaves sizes open.
extension ONNXOperatorTable {
  static let relativeWriters: [(String, Writer)] = [
    writer(RelativeReshape.self) { (reshape, w) throws(ExportFailure) in
      w.emit("Reshape", [w.inputs[0], try w.reshapeTarget(reshape.extents)])
    },
    writer(RelativeExpand.self) { (expand, w) throws(ExportFailure) in
      w.emit("Expand", [w.inputs[0], try w.sizes(expand.extents)])
    },
    writer(RelativeSlice.self) { (slice, w) throws(ExportFailure) in
      var axes: [Int] = []
      for axis in slice.starts.indices {
        let (start, extent) = (try w.fixed(slice.starts[axis]), try w.fixed(slice.extents[axis]))
        let isWhole =
          slice.extents[axis] == .extent(axis: axis)
          || extent.map { $0 == w.inputTypes[0].shape[axis] } ?? false
        if start == 0, isWhole, extent == nil || !w.isOpen(input: 0, axis: axis) { continue }
        axes.append(axis)
      }
      guard !axes.isEmpty else { return w.emit("Identity", [w.inputs[0]]) }
      let starts = try w.sizes(axes.map { slice.starts[$0] })
      let ends = try w.sizes(axes.map { slice.starts[$0] + slice.extents[$0] })
      w.emit("Slice", [w.inputs[0], starts, ends, w.ints(axes)])
    },
    writer(RelativePad.self) { (pad, w) throws(ExportFailure) in
      guard pad.mode != .wrap || w.opset >= 19 else { throw ExportFailure("wrapping needs operator set 19") }
      let pads = try w.sizes(pad.after.map { _ in 0 } + pad.after)
      w.emit("Pad", [w.inputs[0], pads], [.string("mode", pad.mode.rawValue)])
    },
    writer(RelativeResize.self) { (resize, w) throws(ExportFailure) in
      w.emit(
        "Resize", [w.inputs[0], "", "", try w.sizes(resize.extents)],
        [
          .string("mode", resize.mode.rawValue),
          .string("coordinate_transformation_mode", ResizeCoordinates.halfPixel.rawValue),
          resize.mode == .cubic ? .float("cubic_coeff_a", resize.cubicCoefficient) : nil,
          resize.excludesOutside ? .int("exclude_outside", 1) : nil,
          resize.isAntialiased ? .int("antialias", 1) : nil,
        ])
    },
  ]
}
