import Foundation
import IRImage
import IRTensorFiles
import Testing

@testable import IRQuality

/// The folder of pyiqa's numbers; nil, with a remark, where the oracles are not beside the checkout.
private var oracle: String? {
  var url = URL(fileURLWithPath: #filePath)
  for _ in 0..<4 { url.deleteLastPathComponent() }
  let path = url.appendingPathComponent("shared/oracles/unires/statistics").path
  if FileManager.default.fileExists(atPath: path) { return path }
  print("no oracles beside the checkout: statistics of pictures are not compared")
  return nil
}

private func numbers(_ folder: String) throws -> [String: [Double]] {
  Dictionary(
    uniqueKeysWithValues: try TensorFile.read("\(folder)/io.safetensors").map { ($0.name, $0.tensor.doubles) }
  )
}

/// The largest distance, relative to numbers above 1.
private func distance(_ a: [Double], _ b: [Double]) -> Double {
  guard a.count == b.count else { return .infinity }
  return zip(a, b).reduce(0) { worst, pair in
    let distance = (pair.0 - pair.1).magnitude / max(1, pair.1.magnitude)
    return distance.isNaN ? .infinity : max(worst, distance)
  }
}

private let pictures = ["a", "a.noisy", "b", "b.noisy"]

private func picture(_ name: String, _ folder: String) throws -> Image {
  try ImageFile.read("\(folder)/\(name.replacingOccurrences(of: ".", with: "-")).png")
}

@Test(arguments: pictures)
func niqeIsPyiqas(_ name: String) throws {
  guard let oracle else { return }
  let io = try numbers(oracle)
  let image = try picture(name, oracle)
  let rows = try NIQE.features(image).map(\.values)
  let expected = try #require(io["\(name).features"])
  #expect(distance(rows.flatMap { $0 }, expected) < 1e-4)
  let model = try NaturalPictures(
    mean: try #require(io["model.mean"]), covariance: try #require(io["model.covariance"]))
  let score = try #require(io["\(name).niqe"])
  #expect(distance([try NIQE(model).score(image)], score) < 1e-4)
}

@Test(arguments: pictures)
func brisquesFeaturesArePyiqas(_ name: String) throws {
  guard let oracle else { return }
  let expected = try #require(try numbers(oracle)["\(name).brisque_features"])
  #expect(distance(try BRISQUE.features(try picture(name, oracle)), expected) < 1e-4)
}

@Test(arguments: pictures)
func piqeIsPyiqas(_ name: String) throws {
  guard let oracle else { return }
  let expected = try #require(try numbers(oracle)["\(name).piqe"])
  #expect(distance([try PIQE.score(try picture(name, oracle))], expected) < 1e-4)
}

@Test func gaussiansAreFitted() throws {
  guard let oracle else { return }
  let io = try numbers(oracle)
  let features = try #require(io["model.features"])
  let rows = stride(from: 0, to: features.count, by: 36).map { Array(features[$0..<($0 + 36)]) }
  let (mean, covariance) = SymmetricMatrix.statistics(rows)
  #expect(distance(mean, try #require(io["model.mean"])) < 1e-10)
  #expect(distance(covariance, try #require(io["model.covariance"])) < 1e-10)
}

/// A symmetric matrix with a known inverse, and one of rank 1.
@Test func pseudoinversesAreFormed() throws {
  let form = try SymmetricMatrix.inverseForm([2, 1, 1, 2], [3, 0])
  #expect((form - 6).magnitude < 1e-12)
  let singular = try SymmetricMatrix.inverseForm([1, 1, 1, 1], [3, 1])
  #expect((singular - 4).magnitude < 1e-12)
  #expect(throws: QualityError.self) { try SymmetricMatrix.inverseForm([.nan, 1, 1, 1], [3, 1]) }
}

@Test func picturesWithoutScoresAreNamed() throws {
  let flat = Image(width: 192, height: 96, channelCount: 1, pixels: [Float](repeating: 0, count: 192 * 96))
  let small = Image(width: 15, height: 200, channelCount: 1, pixels: [Float](repeating: 0.5, count: 3000))
  let model = try NaturalPictures(
    mean: [Double](repeating: 1, count: 36),
    covariance: (0..<(36 * 36)).map { $0 % 37 == 0 ? 1 : 0 })
  for image in [flat, small] {
    #expect(throws: QualityError.self) { try NIQE(model).score(image) }
    #expect(throws: QualityError.self) { try BRISQUE.features(image) }
    #expect(throws: QualityError.self) { try PIQE.score(image) }
  }
  #expect(throws: QualityError.self) { try NaturalPictures(mean: [1], covariance: [1]) }
  #expect(throws: QualityError.self) { try NaturalPictures.Fit().result() }
}

/// The shipped model: noise and blur are worse than the photograph.
@Test func theShippedModelOrdersPictures() throws {
  var url = URL(fileURLWithPath: #filePath)
  for _ in 0..<3 { url.deleteLastPathComponent() }
  let model = try NaturalPictures(
    contentsOf: url.appendingPathComponent("Models/NIQE/niqe-bsd400.safetensors").path)
  // Natural scale: shapes between Laplace's and a Gaussian's, means of products near 0.
  #expect(model.mean[0] > 1 && model.mean[0] < 4 && model.mean[3].magnitude < 0.3)
  guard let oracle else { return }
  for name in ["a", "b"] {
    let clean = try NIQE(model).score(try picture(name, oracle))
    let noisy = try NIQE(model).score(try picture("\(name).noisy", oracle))
    #expect(clean < noisy, "\(clean) \(noisy)")
  }
}
