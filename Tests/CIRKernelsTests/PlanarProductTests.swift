import CIRKernels
import IRTestSupport
import Testing

extension KernelTests {
  struct PlanarProduct: CustomTestStringConvertible {
    var rows: Int
    var columns: Int
    var depth = 5
    var kernel = 1
    var dilation = 1
    var hasResidual = false
    var activation = IR_ACTIVATION_NONE

    var testDescription: String {
      "\(rows)×\(depth)×\(columns), kernel \(kernel), dilation \(dilation), residual \(hasResidual)"
    }
  }

  /// Widths of one to ten vectors of each ISA, and channels around those whose panels are cut together.
  static let planarProducts: [PlanarProduct] =
    [1, 4, 8, 13, 24, 27, 31, 48, 61].flatMap { rows in
      [1, 8, 16, 21, 32, 40, 47, 64, 80, 130, 160].map { PlanarProduct(rows: rows, columns: $0) }
    }
    + [12, 24, 29, 49].flatMap { rows in
      [32, 45, 64, 78].map {
        PlanarProduct(
          rows: rows, columns: $0, kernel: 3, dilation: rows % 2 + 1, hasResidual: true,
          activation: IR_ACTIVATION_RELU)
      }
    }

  @Test(arguments: planarProducts) func planarProduct(_ product: PlanarProduct) throws {
    let (rows, depth, kernel, columns) = (product.rows, product.depth, product.kernel, product.columns)
    let width = columns + (kernel - 1) * product.dilation
    let taps = kernel * kernel
    let weights = values(rows * depth * taps)
    // Window rows above each other, channels of a row apart by more than a row.
    let input = values(depth * kernel * width, seed: 2)
    let bias = Guarded(values(rows, seed: 3))
    let residual = Guarded(values(rows * columns, seed: 4))
    var expected: [Double] = []
    for i in 0..<rows {
      for x in 0..<columns {
        var sum = Double(bias.pointer[i])
        if product.hasResidual { sum += Double(residual.pointer[i * columns + x]) }
        for k in 0..<depth {
          for tap in 0..<taps {
            let row = tap / kernel
            let column = x + tap % kernel * product.dilation
            sum +=
              Double(weights[(i * depth + k) * taps + tap])
              * Double(input[(k * kernel + row) * width + column])
          }
        }
        expected.append(product.activation == IR_ACTIVATION_RELU ? max(0, sum) : sum)
      }
    }
    let pixels = Guarded(input)
    expectEverywhere(expected, tolerance: 4e-6, product.testDescription) { _ in
      guard let kernels = ir_kernels() else { return [] }
      let packed = Guarded(
        Self.packed(weights, rows: rows, depth: depth, taps: taps, panel: kernels.pointee.planar_rows))
      let output = Guarded<Float>(count: rows * columns)
      var call = ir_planar_product()
      (call.rows, call.depth, call.columns) = (rows, depth, columns)
      (call.kernel_height, call.kernel_width, call.dilation) = (kernel, kernel, product.dilation)
      call.weights = UnsafePointer(packed.pointer)
      assign(
        &call.input,
        (0..<kernel).map { UnsafePointer<Float>(pixels.pointer + $0 * width) as UnsafePointer<Float>? })
      assign(&call.input_stride, (0..<kernel).map { _ in kernel * width })
      call.bias = UnsafePointer(bias.pointer)
      call.residual = product.hasResidual ? UnsafePointer(residual.pointer) : nil
      call.residual_stride = columns
      call.activation = product.activation
      call.output = output.pointer
      call.output_stride = columns
      kernels.pointee.f32_planar_product(&call)
      return output.elements
    }
  }

  /// [rows][depth][taps] as panels [taps][depth][panel].
  private static func packed(_ weights: [Float], rows: Int, depth: Int, taps: Int, panel: Int) -> [Float] {
    stride(from: 0, to: rows, by: panel).flatMap { start in
      (0..<taps).flatMap { tap in
        (0..<depth).flatMap { k in
          (start..<min(start + panel, rows)).map { weights[($0 * depth + k) * taps + tap] }
        }
      }
    }
  }
}
