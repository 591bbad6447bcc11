import Foundation
import IRTensor
import IRTensorFiles
import Testing

/// A folder of tests or of what others' code computes, beside this checkout; nil where it is not there.
private func folder(_ path: String, up: Int) -> String? {
  var url = URL(fileURLWithPath: #filePath)
  for _ in 0..<up { url.deleteLastPathComponent() }
  let path = url.appendingPathComponent(path).path
  return FileManager.default.fileExists(atPath: path) ? path : nil
}

/// The tensors of a file in `Tests/Fixtures/diffusion`.
func fixture(_ name: String) throws -> [String: Tensor] {
  try tensors(try #require(folder("Fixtures/diffusion/\(name)", up: 2)))
}

/// A folder of `shared/oracles/unires`; nil, with a remark, where the oracles are not beside the checkout.
func oracle(_ name: String) -> String? {
  let found = folder("shared/oracles/unires/\(name)", up: 4)
  if found == nil { print("no oracles beside the checkout: \(name) is not compared") }
  return found
}

func tensors(_ path: String) throws -> [String: Tensor] {
  Dictionary(uniqueKeysWithValues: try TensorFile.read(path).map { ($0.name, $0.tensor) })
}

extension Tensor {
  /// Row `index` of the first axis, as a tensor of one row.
  func row(_ index: Int) -> Tensor {
    var shape = shape
    let size = shape.elementCount / shape[0]
    shape[0] = 1
    return Tensor(type.with(shape: shape), doubles: Array(doubles[(index * size)..<((index + 1) * size)]))
  }
}

/// The largest distance between two tensors' elements; infinite where their shapes differ.
func distance(_ a: Tensor, _ b: Tensor) -> Double {
  guard a.shape == b.shape else { return .infinity }
  return zip(a.doubles, b.doubles).reduce(0) { worst, pair in
    let distance = (pair.0 - pair.1).magnitude
    return distance.isNaN ? .infinity : max(worst, distance)
  }
}
