import IRGraph
import IROperators

extension ONNXOperatorTable {
  static let detectionWriters: [(String, Writer)] = [
    writer(RoiAlign.self, as: "RoiAlign") { align in
      [
        .string("mode", align.pooling == .average ? "avg" : "max"), .int("output_height", align.height),
        .int("output_width", align.width), .int("sampling_ratio", align.samplingRatio),
        .float("spatial_scale", align.scale),
        .string("coordinate_transformation_mode", align.isHalfPixel ? "half_pixel" : "output_half_pixel"),
      ]
    },
    writer(Determinant.self, as: "Det"),
  ]
}
