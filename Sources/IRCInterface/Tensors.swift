// The names are those of irkit.h.
// swift-format-ignore-file: AlwaysUseLowerCamelCase

import CIRKit
import IRInference
import IRTensor

extension Tensor {
  /// Kernels take data that lie as `malloc` puts them; others are copied.
  private static let alignment = 16

  /// A tensor of borrowed data, which must stay until the tensor is gone.
  init(borrowing tensor: irkit_tensor, name: String) throws {
    guard let elementType = ElementType(rawValue: tensor.element_type) else {
      throw ArgumentError("tensor \(name): \(tensor.element_type) is not a supported element type")
    }
    guard (0...64).contains(tensor.rank), tensor.rank == 0 || tensor.extents != nil else {
      throw ArgumentError("tensor \(name): no extents for rank \(tensor.rank)")
    }
    let shape = Shape((0..<Int(tensor.rank)).map { Int(tensor.extents[$0]) })
    guard let count = shape.checkedElementCount, count <= 1 << 48 else {
      throw ArgumentError("tensor \(name): \(shape) is not a size")
    }
    let type = TensorType(elementType, shape)
    guard count > 0 else {
      self.init(type, storage: TensorStorage(byteCount: 0))
      return
    }
    guard let data = tensor.data else { throw ArgumentError("tensor \(name) has no data") }
    guard Int(bitPattern: data) % Self.alignment == 0 else {
      self.init(type) { $0.copyMemory(from: UnsafeRawBufferPointer(start: data, count: type.byteCount)) }
      return
    }
    self.init(
      type,
      storage: TensorStorage(
        borrowing: UnsafeMutableRawPointer(mutating: data), byteCount: type.byteCount, release: { _ in }))
  }
}

/// Extents for C, -1 where they are open.
func extents(_ extents: [Int?]) -> UnsafeMutablePointer<Int64> {
  let result = UnsafeMutablePointer<Int64>.allocate(capacity: max(1, extents.count))
  for (index, extent) in extents.enumerated() { (result + index).initialize(to: Int64(extent ?? -1)) }
  return result
}

/// A port with the texts that C reads. Nothing changes it once it is made.
final class CPort: Sendable {
  nonisolated(unsafe) let port: irkit_port
  private let texts: [CText]
  nonisolated(unsafe) private let symbols: UnsafeMutablePointer<UnsafePointer<CChar>?>

  init(_ port: InferencePort) {
    texts = ([port.name, port.typeText] + port.symbols).map { CText($0) }
    symbols = .allocate(capacity: max(1, port.symbols.count))
    for (index, text) in texts.dropFirst(2).enumerated() { (symbols + index).initialize(to: text.pointer) }
    self.port = irkit_port(
      name: texts[0].pointer, type: texts[1].pointer, extents: UnsafePointer(extents(port.extents ?? [])),
      symbols: UnsafePointer(symbols), rank: Int32(port.extents?.count ?? -1), element_type: port.elementType)
  }

  deinit {
    symbols.deallocate()
    port.extents.deallocate()
  }
}

/// Outputs with the texts and extents that C reads. Nothing changes them once they are made.
final class CResults: Sendable {
  private let tensors: [Tensor]
  private let names: [CText]
  nonisolated(unsafe) private let shapes: [UnsafeMutablePointer<Int64>]

  init(_ outputs: [(name: String, tensor: Tensor)]) {
    tensors = outputs.map(\.tensor)
    names = outputs.map { CText($0.name) }
    shapes = tensors.map { extents($0.shape.extents) }
  }

  deinit { for shape in shapes { shape.deallocate() } }

  var count: Int { tensors.count }

  subscript(index: Int) -> irkit_tensor {
    irkit_tensor(
      name: names[index].pointer, extents: UnsafePointer(shapes[index]),
      data: tensors[index].withUnsafeBytes { $0.baseAddress }, rank: Int32(tensors[index].shape.rank),
      element_type: tensors[index].elementType.rawValue)
  }
}

@c @implementation
public func irkit_results_count(_ results: OpaquePointer?) -> Int {
  Handle.object(results, CResults.self)?.count ?? 0
}

@c @implementation
public func irkit_results_tensor(
  _ results: OpaquePointer?, _ index: Int, _ tensor: UnsafeMutablePointer<irkit_tensor>?
) -> irkit_status {
  guard let results = Handle.object(results, CResults.self), let tensor, (0..<results.count).contains(index)
  else { return IRKIT_INVALID_ARGUMENT }
  tensor.pointee = results[index]
  return IRKIT_OK
}

@c @implementation
public func irkit_results_release(_ results: OpaquePointer?) { Handle.release(results, CResults.self) }
