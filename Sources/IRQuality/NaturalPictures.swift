import IRImage
import IRTensor
import IRTensorFiles

/// A Gaussian of the statistics of clean photographs' blocks, which NIQE compares with.
package struct NaturalPictures: Hashable, Sendable {
  /// 36 numbers.
  package let mean: [Double]
  /// 36 × 36, row by row.
  package let covariance: [Double]

  /// - Throws: `QualityError.model` for other counts, or numbers that are not finite.
  package init(mean: [Double], covariance: [Double]) throws(QualityError) {
    let count = NIQE.featureCount
    guard mean.count == count, covariance.count == count * count else {
      throw .model(
        "has \(mean.count) means and \(covariance.count) covariances, not \(count) and \(count * count)")
    }
    guard mean.allSatisfy(\.isFinite), covariance.allSatisfy(\.isFinite) else {
      throw .model("holds numbers that are not finite")
    }
    self.mean = mean
    self.covariance = covariance
  }

  /// The tensors `mean` and `covariance` of a file.
  /// - Throws: `TensorFileError`, `QualityError.model`.
  package init(contentsOf path: String) throws {
    let tensors = Dictionary(
      try TensorFile.read(path).map { ($0.name, $0.tensor) }, uniquingKeysWith: { first, _ in first })
    guard let mean = tensors["mean"], let covariance = tensors["covariance"] else {
      throw QualityError.model("\(path) lacks mean or covariance")
    }
    try self.init(mean: mean.doubles, covariance: covariance.doubles)
  }

  /// Writes the file that `init(contentsOf:)` reads.
  /// - Throws: `TensorFileError`.
  package func write(to path: String) throws(TensorFileError) {
    let count = mean.count
    try TensorFile.write(
      [
        NamedTensor("mean", Tensor(TensorType(.float64, [count]), doubles: mean)),
        NamedTensor("covariance", Tensor(TensorType(.float64, [count, count]), doubles: covariance)),
      ], to: path)
  }

  /// Adds up the blocks of photographs, to fit a Gaussian to the sharp ones.
  package struct Fit: Sendable {
    private var rows: [[Double]] = []
    /// Blocks are taken whose sharpness is above this share of the picture's sharpest one.
    private static let sharpnessShare = 0.75

    package init() {}

    package var blockCount: Int { rows.count }

    /// Adds the sharp blocks of a clean photograph.
    /// - Throws: `QualityError.picture` for a picture smaller than one block.
    package mutating func add(_ image: Image) throws(QualityError) {
      let blocks = try NIQE.features(image)
      let limit = Self.sharpnessShare * (blocks.map(\.sharpness).max() ?? 0)
      rows += blocks.filter { $0.sharpness > limit && $0.values.allSatisfy(\.isFinite) }.map(\.values)
    }

    /// - Throws: `QualityError.model` for fewer blocks than full rank takes.
    package func result() throws(QualityError) -> NaturalPictures {
      guard rows.count > NIQE.featureCount else {
        throw .model("is made of \(rows.count) blocks, needs at least \(NIQE.featureCount + 1)")
      }
      let (mean, covariance) = SymmetricMatrix.statistics(rows)
      return try NaturalPictures(mean: mean, covariance: covariance)
    }
  }
}
