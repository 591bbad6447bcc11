import Foundation
import IRTensor

/// Finds the tensors in a pickle and names them by the way to them.
struct TensorCollector {
  private(set) var tensors: [NamedTensor] = []
  private let content: PyTorchFile.Content
  private let path: String
  /// Views may share storages: all together may take this much.
  private var byteCountLeft: Int
  /// Containers may refer to themselves: how many may be entered.
  private var visitsLeft = 1 << 20
  private static let depthLimit = 48

  init(content: PyTorchFile.Content, path: String, byteCountLimit: Int) {
    self.content = content
    self.path = path
    byteCountLeft = byteCountLimit
  }

  private func malformed(_ detail: String) -> TensorFileError { .malformed(path: path, detail: detail) }

  mutating func collect(_ value: Pickle.Value) throws(TensorFileError) { try collect(value, "", depth: 0) }

  private mutating func collect(_ value: Pickle.Value, _ name: String, depth: Int) throws(TensorFileError) {
    guard case .object(let index) = value else { return }
    visitsLeft -= 1
    guard visitsLeft > 0, depth < Self.depthLimit else {
      throw malformed("nests or repeats its objects without end")
    }
    let object = content.pickle.objects[index]
    switch object.kind {
    case .dictionary:
      for pair in stride(from: 0, to: object.items.count - 1, by: 2) {
        try collect(object.items[pair + 1], joined(name, object.items[pair]), depth: depth + 1)
      }
    case .list, .tuple:
      for (position, item) in object.items.enumerated() {
        try collect(item, joined(name, .integer(position)), depth: depth + 1)
      }
    case .call: try collect(call: object.items, name, depth: depth)
    case .persistent: break
    }
  }

  /// The name of the value under a key; the parts of a module's path are left out.
  private func joined(_ name: String, _ key: Pickle.Value) -> String {
    let word: String
    switch key {
    case .text(let text): word = text
    case .integer(let number): word = "\(number)"
    default: word = "?"
    }
    if ["_parameters", "_buffers", "_modules"].contains(word) { return name }
    return name.isEmpty ? word : "\(name).\(word)"
  }

  private mutating func collect(
    call items: [Pickle.Value], _ name: String, depth: Int
  ) throws(TensorFileError) {
    guard items.count >= 2, case .global(let function) = items[0], let arguments = elements(items[1]) else {
      return
    }
    switch function {
    case "torch._utils._rebuild_tensor", "torch._utils._rebuild_tensor_v2", "torch._utils._rebuild_tensor_v3":
      try add(try tensor(arguments, name, hasType: function.hasSuffix("v3")), name)
    case "torch._utils._rebuild_parameter", "torch._utils._rebuild_parameter_with_state":
      if let first = arguments.first { try collect(first, name, depth: depth + 1) }
    case "torch._tensor._rebuild_from_type_v2" where arguments.count >= 3:
      try collect(call: [arguments[0], arguments[2]], name, depth: depth + 1)
    default:
      // An object of some class: its state may hold tensors, as a module's does.
      for state in items.dropFirst(2) { try collect(state, name, depth: depth + 1) }
    }
  }

  private mutating func add(_ tensor: Tensor, _ name: String) throws(TensorFileError) {
    tensors.append(NamedTensor(name, tensor))
  }

  private func elements(_ value: Pickle.Value) -> [Pickle.Value]? {
    guard case .object(let index) = value else { return nil }
    let object = content.pickle.objects[index]
    switch object.kind {
    case .tuple, .list: return object.items
    // `torch.Size((…))`.
    case .call:
      guard case .global("torch.Size") = object.items[0], case .object(let inner) = object.items[1],
        case .object(let sizes)? = content.pickle.objects[inner].items.first
      else { return nil }
      return content.pickle.objects[sizes].items
    default: return nil
    }
  }

  private func integers(_ value: Pickle.Value) -> [Int]? {
    guard let items = elements(value), items.count <= 32 else { return nil }
    let numbers = items.compactMap { if case .integer(let number) = $0 { number } else { nil } }
    return numbers.count == items.count ? numbers : nil
  }

  /// (storage, offset, size, stride, …).
  private mutating func tensor(
    _ arguments: [Pickle.Value], _ name: String, hasType: Bool
  ) throws(TensorFileError) -> Tensor {
    guard arguments.count >= 4, case .object(let index) = arguments[0],
      let storage = StorageName(content.pickle.objects[index], content.pickle), storage.isKnown,
      case .integer(let offset) = arguments[1], let extents = integers(arguments[2]),
      let strides = integers(arguments[3]), strides.count == extents.count
    else { throw malformed("\(name) is a tensor of a kind that is not supported") }
    var elementType = storage.elementType
    if hasType, arguments.count > 6, case .global(let type) = arguments[6] {
      elementType = Self.types[type] ?? elementType
    }
    guard let elementType else { throw malformed("\(name) has an unsupported element type") }
    guard let bytes = content.storages[storage.key] else {
      throw malformed("\(name): storage \(storage.key) is missing")
    }
    let (shape, size) = (Shape(extents), elementType.byteCount)
    let available = bytes.count / size
    // A view of more elements than its storage has repeats them: small files could fill the memory.
    guard let count = shape.checkedElementCount, count <= available, offset >= 0, offset <= available,
      strides.allSatisfy({ $0 >= 0 }), count * size <= byteCountLeft
    else {
      throw malformed("\(name): \(shape) by strides \(strides) from \(offset) of \(available) elements")
    }
    byteCountLeft -= count * size
    if count > 0 {
      var last = offset
      for (extent, stride) in zip(extents, strides) {
        let (span, overflow) = (extent - 1).multipliedReportingOverflow(by: stride)
        guard !overflow, span < available, last + span < available else {
          throw malformed(
            "\(name): \(shape) by strides \(strides) leaves its storage of \(available) elements")
        }
        last += span
      }
    }
    // No step is taken along an axis of one element.
    let steps = zip(extents, strides).map { $0 > 1 ? $1 : 0 }
    return strided(bytes, TensorType(elementType, shape), offset: offset, strides: steps)
  }

  private func strided(_ bytes: Data, _ type: TensorType, offset: Int, strides: [Int]) -> Tensor {
    let size = type.elementType.byteCount
    let count = type.shape.elementCount
    return Tensor(type) { target in
      guard count > 0, let base = target.baseAddress else { return }
      let start = bytes.startIndex
      let isDense = zip(type.shape, zip(strides, type.shape.strides)).allSatisfy { $0 == 1 || $1.0 == $1.1 }
      if isDense {
        _ = bytes[(start + offset * size)..<(start + (offset + count) * size)].copyBytes(to: target)
        return
      }
      bytes.withUnsafeBytes { source in
        guard let first = source.baseAddress else { return }
        var index = [Int](repeating: 0, count: strides.count)
        var position = offset
        for element in 0..<count {
          (base + element * size).copyMemory(from: first + position * size, byteCount: size)
          var axis = strides.count - 1
          while axis >= 0 {
            index[axis] += 1
            position += strides[axis]
            if index[axis] < type.shape[axis] { break }
            position -= strides[axis] * type.shape[axis]
            index[axis] = 0
            axis -= 1
          }
        }
      }
    }
  }

  private static let types: [String: ElementType] = [
    "torch.float32": .float32, "torch.float64": .float64, "torch.float16": .float16,
    "torch.bfloat16": .bfloat16, "torch.int64": .int64, "torch.int32": .int32, "torch.int16": .int16,
    "torch.int8": .int8, "torch.uint8": .uint8, "torch.bool": .bool, "torch.uint16": .uint16,
    "torch.uint32": .uint32, "torch.uint64": .uint64,
  ]
}
