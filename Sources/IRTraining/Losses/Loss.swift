import IRGraph
import IROperators
import IRTensor

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The number that training makes smaller, as a graph of the prediction and the target `[N, C, H, W]`.
package struct Loss: Hashable, Sendable, Codable {
  package enum Pixel: String, Hashable, Sendable, Codable, CaseIterable {
    /// The mean of |d|.
    case l1
    /// The mean of d².
    case l2
    /// The mean of √(d² + ε²) (Charbonnier et al. 1994), ε = 1e-3.
    case charbonnier
    /// The mean over the images of 10 log₁₀(1 + MSE / ε²), ε = 1/255: what an image's PSNR lacks of 48.13 dB
    /// (the loss of HINet, Chen et al. 2021, but for ε). An image's weight grows as its error falls, down to
    /// errors of ε.
    case psnr
  }

  package var pixel: Pixel
  /// The weight of the Fourier term (SymUNet: 0.1): the mean of |Re| and |Im| of the difference's
  /// unnormalised two-dimensional transform.
  package var fourierWeight: Double
  /// The weight of the routers' mean cross-entropy with the task (DaAIR: 0.01).
  package var routerWeight: Double

  package init(pixel: Pixel = .l1, fourierWeight: Double = 0, routerWeight: Double = 0) {
    self.pixel = pixel
    self.fourierWeight = fourierWeight
    self.routerWeight = routerWeight
  }

  /// The loss as one number, of a prediction `[N, C, H, W]` and a target of the same type; `routers` are
  /// logits `[N, K]`, with `tasks` `[N, K]` one-hot.
  /// - Throws: `GraphError.type` if the types do not fit.
  package func value(
    of prediction: ValueID, target: ValueID, routers: [ValueID] = [], tasks: ValueID? = nil,
    into g: inout GraphBuilder
  ) throws(GraphError) -> ValueID {
    let difference = try g.difference(prediction, target)
    var total = try pixelTerm(difference, &g)
    if fourierWeight != 0 {
      total = try g.sum(total, try g.affine(try fourierTerm(difference, &g), fourierWeight))
    }
    if routerWeight != 0, let tasks, !routers.isEmpty {
      var sum: ValueID?
      for logits in routers {
        let term = try crossEntropy(logits, tasks, &g)
        if let before = sum { sum = try g.sum(before, term) } else { sum = term }
      }
      if let sum { total = try g.sum(total, try g.affine(sum, routerWeight / Double(routers.count))) }
    }
    return total
  }

  private func pixelTerm(_ difference: ValueID, _ g: inout GraphBuilder) throws(GraphError) -> ValueID {
    switch pixel {
    case .l1: return try mean(try g.unary(.abs, difference), &g)
    case .l2: return try mean(try g.unary(.square, difference), &g)
    case .charbonnier:
      let epsilon = 1e-3
      let square = try g.affine(try g.unary(.square, difference), 1, epsilon * epsilon)
      return try mean(try g.unary(.sqrt, square), &g)
    case .psnr:
      let axes = Array(g.shape(of: difference).indices.dropFirst())
      let errors = try g.value(
        Reduce(.mean, axes: axes, keepsAxes: false), [try g.unary(.square, difference)])
      let logarithms = try g.unary(.log, try g.affine(errors, 255 * 255, 1))
      return try g.affine(try mean(logarithms, &g), 10 / log(10))
    }
  }

  /// With F = C - iS of each axis, F D F is (C D C - S D S) - i (S D C + C D S): matrix products.
  private func fourierTerm(_ difference: ValueID, _ g: inout GraphBuilder) throws(GraphError) -> ValueID {
    let type = g.type(of: difference)
    let (height, width) = (type.shape[type.shape.rank - 2], type.shape[type.shape.rank - 1])
    let (rowCosines, rowSines) = waves(height, type.elementType, &g)
    let (columnCosines, columnSines) =
      height == width ? (rowCosines, rowSines) : waves(width, type.elementType, &g)
    let product = MatrixMultiply()
    let byCosine = try g.value(product, [difference, columnCosines])
    let bySine = try g.value(product, [difference, columnSines])
    let real = try g.difference(
      try g.value(product, [rowCosines, byCosine]), try g.value(product, [rowSines, bySine]))
    let imaginary = try g.sum(
      try g.value(product, [rowSines, byCosine]), try g.value(product, [rowCosines, bySine]))
    let sum = try g.sum(try mean(try g.unary(.abs, real), &g), try mean(try g.unary(.abs, imaginary), &g))
    return try g.affine(sum, 0.5)
  }

  /// cos and sin of 2π jk / count, `[count, count]`.
  private func waves(
    _ count: Int, _ elementType: ElementType, _ g: inout GraphBuilder
  ) -> (ValueID, ValueID) {
    let table = (0..<count).map { angle(Double($0) / Double(max(count, 1))) }
    let type = TensorType(elementType, [count, count])
    func matrix(_ part: (Int) -> Double) -> Tensor {
      Tensor(type, doubles: (0..<(count * count)).map { part($0 / count * ($0 % count) % count) })
    }
    return (
      g.constant(matrix { table[$0].cosine }, name: "cosines"),
      g.constant(matrix { table[$0].sine }, name: "sines")
    )
  }

  /// - Σ task · log softmax(logits), the mean over the images.
  private func crossEntropy(
    _ logits: ValueID, _ tasks: ValueID, _ g: inout GraphBuilder
  ) throws(GraphError) -> ValueID {
    let flat = try g.reshaped(logits, to: g.shape(of: tasks))
    let logarithms = try g.value(LogSoftmax(axis: 1), [flat])
    let sum = try g.summed(try g.product(logarithms, tasks), over: [0, 1])
    let images = Double(max(g.shape(of: tasks)[0], 1))
    return try g.affine(try g.reshaped(sum, to: .scalar), -1 / images)
  }

  private func mean(_ x: ValueID, _ g: inout GraphBuilder) throws(GraphError) -> ValueID {
    let axes = Array(g.shape(of: x).indices)
    return try g.value(Reduce(.mean, axes: axes, keepsAxes: false), [x])
  }
}

/// The point of a full turn's `share` on the unit circle.
private func angle(_ share: Double) -> (cosine: Double, sine: Double) {
  (cos(2 * .pi * share), sin(2 * .pi * share))
}
