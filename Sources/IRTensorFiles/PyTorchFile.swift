import Foundation
import IRTensor

/// Files that `torch.save` writes (`.pth`, `.pt`, `.ckpt`): a zip archive since PyTorch 1.6, before that a
/// run of pickles with the tensors' bytes behind them. Nothing in them is executed: classes and functions
/// stay names.
package enum PyTorchFile {
  /// The tensors in whatever the file holds, named by the keys that lead to them: `params.intro.weight`.
  /// Modules that were saved whole give the names of their `state_dict`.
  /// - Throws: `TensorFileError` with the file and its fault.
  package static func read(_ path: String) throws(TensorFileError) -> [NamedTensor] {
    let data = try contents(of: path)
    let content =
      data.prefix(2).elementsEqual([0x50, 0x4B]) ? try archived(data, path) : try legacy(data, path)
    var collector = TensorCollector(content: content, path: path, byteCountLimit: 8 * data.count + (1 << 20))
    try collector.collect(content.root)
    guard !collector.tensors.isEmpty else { throw .malformed(path: path, detail: "holds no tensors") }
    return collector.tensors
  }

  /// A pickle and the bytes of the storages that it names.
  struct Content {
    var pickle: Pickle
    var root: Pickle.Value
    var storages: [String: Data]
  }

  private static func archived(_ data: Data, _ path: String) throws(TensorFileError) -> Content {
    let archive = ZipArchive(bytes: data, path: path)
    let members = try archive.members()
    guard let main = members.first(where: { $0.name.hasSuffix("/data.pkl") || $0.name == "data.pkl" }) else {
      throw .malformed(path: path, detail: "is not an archive of PyTorch: data.pkl is missing")
    }
    let folder = main.name.dropLast("data.pkl".count)
    if let order = members.first(where: { $0.name == folder + "byteorder" }) {
      guard try archive.contents(of: order).elementsEqual(Array("little".utf8)) else {
        throw .malformed(path: path, detail: "was written by a big-endian machine")
      }
    }
    var position = 0
    let (pickle, root) = try Pickle.read(try archive.contents(of: main), at: &position, path: path)
    var storages: [String: Data] = [:]
    for member in members where member.name.hasPrefix(folder + "data/") {
      storages[String(member.name.dropFirst(folder.count + 5))] = try archive.contents(of: member)
    }
    return Content(pickle: pickle, root: root, storages: storages)
  }

  /// 0x1950a86a20f9469cfc6c, the first object of the old format.
  private static let magic: [UInt8] = [0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19]

  private static func legacy(_ data: Data, _ path: String) throws(TensorFileError) -> Content {
    var position = 0
    guard data.first == 0x80, case .bytes(Self.magic) = try Pickle.read(data, at: &position, path: path).root
    else { throw .malformed(path: path, detail: "is not a file of torch.save") }
    for _ in 0..<2 { _ = try Pickle.read(data, at: &position, path: path) }
    let (pickle, root) = try Pickle.read(data, at: &position, path: path)
    let (keys, list) = try Pickle.read(data, at: &position, path: path)
    var sizes: [String: Int] = [:]
    for object in pickle.objects where object.kind == .persistent {
      if let storage = StorageName(object, pickle) { sizes[storage.key] = storage.elementType?.byteCount }
    }
    var storages: [String: Data] = [:]
    guard case .object(let index) = list else {
      throw .malformed(path: path, detail: "does not list its storages")
    }
    for case .text(let key) in keys.objects[index].items {
      guard position <= data.count - 8 else {
        throw .malformed(path: path, detail: "storage \(key) is cut off")
      }
      let start = data.startIndex + position
      let count = data[start..<(start + 8)].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
      let size = sizes[key] ?? 1
      guard count <= UInt64((data.count - position - 8) / size) else {
        throw .malformed(path: path, detail: "storage \(key) of \(count) elements is cut off")
      }
      storages[key] = data[(start + 8)..<(start + 8 + Int(count) * size)]
      position += 8 + Int(count) * size
    }
    return Content(pickle: pickle, root: root, storages: storages)
  }
}

/// A pickle's reference to a storage: `("storage", torch.FloatStorage, key, device, count)`.
struct StorageName {
  var key: String
  /// Nil where the storage has bytes of no type.
  var elementType: ElementType?
  var isKnown: Bool

  init?(_ object: Pickle.Object, _ pickle: Pickle) {
    guard object.kind == .persistent, case .object(let index)? = object.items.first,
      pickle.objects[index].kind == .tuple, pickle.objects[index].items.count >= 5,
      case .text("storage") = pickle.objects[index].items[0],
      case .global(let type) = pickle.objects[index].items[1]
    else { return nil }
    switch pickle.objects[index].items[2] {
    case .text(let key): self.key = key
    case .integer(let key): self.key = "\(key)"
    default: return nil
    }
    elementType = Self.types[type.split(separator: ".").last.map(String.init) ?? ""]
    isKnown = elementType != nil || type.hasSuffix("UntypedStorage")
  }

  private static let types: [String: ElementType] = [
    "FloatStorage": .float32, "DoubleStorage": .float64, "HalfStorage": .float16,
    "BFloat16Storage": .bfloat16, "LongStorage": .int64, "IntStorage": .int32, "ShortStorage": .int16,
    "CharStorage": .int8, "ByteStorage": .uint8, "BoolStorage": .bool,
  ]
}
