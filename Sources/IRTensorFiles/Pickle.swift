import Foundation

/// The contents of a pickle as data: nothing in it is looked up or called.
struct Pickle {
  enum Value {
    case none
    case bool(Bool)
    case integer(Int)
    case float(Double)
    case text(String)
    case bytes([UInt8])
    /// A class or function by module and name.
    case global(String)
    /// An object of the machine's list.
    case object(Int)
  }

  enum Kind {
    case list, tuple
    /// Keys and values in turn.
    case dictionary
    /// A call's function and arguments, then the state set on its result.
    case call
    /// An object that the file's owner keeps elsewhere, named by one value.
    case persistent
  }

  /// Objects refer to each other by index, so that no nesting is deep in memory.
  struct Object {
    var kind: Kind
    var items: [Value]
  }

  private(set) var objects: [Object] = []
  private var stack: [Value] = []
  private var marks: [Int] = []
  private var memo: [Int: Value] = [:]
  private let bytes: Data
  private var position: Int
  private let path: String

  /// The first object in `bytes` at `position`, which then stands behind it.
  /// - Throws: `TensorFileError.malformed` for bytes that are not a pickle, or of an opcode that weights do
  ///   not need.
  static func read(
    _ bytes: Data, at position: inout Int, path: String
  ) throws(TensorFileError) -> (pickle: Pickle, root: Value) {
    var machine = Pickle(bytes: bytes, position: position, path: path)
    let root = try machine.run()
    position = machine.position
    return (machine, root)
  }

  private init(bytes: Data, position: Int, path: String) {
    self.bytes = bytes
    self.position = position
    self.path = path
  }

  private func malformed(_ detail: String) -> TensorFileError {
    .malformed(path: path, detail: "the pickle \(detail) at byte \(position)")
  }

  // Bytes.

  private mutating func take(_ count: Int) throws(TensorFileError) -> Data {
    guard count >= 0, count <= bytes.count - position else { throw malformed("is cut off") }
    let start = bytes.startIndex + position
    position += count
    return bytes[start..<(start + count)]
  }

  private mutating func number(_ count: Int) throws(TensorFileError) -> Int {
    let value = try take(count).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    guard let result = Int(exactly: value) else { throw malformed("has an invalid length") }
    return result
  }

  private mutating func line() throws(TensorFileError) -> String {
    let start = bytes.startIndex + position
    guard let end = bytes[start...].prefix(4096).firstIndex(of: 10) else { throw malformed("is cut off") }
    position = end + 1 - bytes.startIndex
    return String(decoding: bytes[start..<end], as: UTF8.self)
  }

  private mutating func text(_ count: Int) throws(TensorFileError) -> Value {
    .text(String(decoding: try take(count), as: UTF8.self))
  }

  /// A little-endian number with a sign, of any length; beyond 8 bytes it stays bytes.
  private mutating func long(_ count: Int) throws(TensorFileError) -> Value {
    let data = [UInt8](try take(count))
    guard data.count <= 8 else { return .bytes(data) }
    let filler: UInt64 = (data.last ?? 0) & 0x80 != 0 ? .max : 0
    let bits = data.reversed().reduce(filler) { $0 << 8 | UInt64($1) }
    return .integer(Int(truncatingIfNeeded: Int64(bitPattern: bits)))
  }

  // The stack.

  private mutating func pop() throws(TensorFileError) -> Value {
    guard stack.count > (marks.last ?? 0), let value = stack.popLast() else {
      throw malformed("takes from an empty stack")
    }
    return value
  }

  private mutating func popToMark() throws(TensorFileError) -> [Value] {
    guard let mark = marks.popLast() else { throw malformed("has no mark") }
    let items = Array(stack[mark...])
    stack.removeSubrange(mark...)
    return items
  }

  private mutating func push(_ kind: Kind, _ items: [Value]) {
    objects.append(Object(kind: kind, items: items))
    stack.append(.object(objects.count - 1))
  }

  /// Adds to the object on top of the stack; an object that is not a container, as of an unknown class, keeps
  /// nothing.
  private mutating func extend(_ items: [Value], _ kind: Kind) throws(TensorFileError) {
    guard let last = stack.last, stack.count > (marks.last ?? 0) else { throw malformed("adds to nothing") }
    guard case .object(let index) = last else { throw malformed("adds to an object that is not a container") }
    if objects[index].kind == kind { objects[index].items += items }
  }

  private mutating func tuple(_ count: Int) throws(TensorFileError) {
    var items: [Value] = []
    for _ in 0..<count { items.append(try pop()) }
    push(.tuple, items.reversed())
  }

  private mutating func remember(_ key: Int) throws(TensorFileError) {
    guard let top = stack.last else { throw malformed("remembers nothing") }
    memo[key] = top
  }

  private mutating func recall(_ key: Int) throws(TensorFileError) {
    guard let value = memo[key] else { throw malformed("recalls what it has not seen") }
    stack.append(value)
  }

  /// A call: empty containers of the standard library are what they are, all else stays a description.
  private mutating func call() throws(TensorFileError) {
    let (arguments, function) = (try pop(), try pop())
    if case .global("collections.OrderedDict") = function { return push(.dictionary, []) }
    push(.call, [function, arguments])
  }

  private mutating func run() throws(TensorFileError) -> Value {
    while true {
      let opcode = try take(1).first ?? 0
      if opcode == UInt8(ascii: ".") { return try pop() }
      try step(opcode)
    }
  }

  private mutating func step(_ opcode: UInt8) throws(TensorFileError) {
    switch Character(UnicodeScalar(opcode)) {
    case "\u{80}": _ = try take(1)
    case "\u{95}": _ = try take(8)
    case "(": marks.append(stack.count)
    case "0": if stack.count > (marks.last ?? 0) { stack.removeLast() } else { _ = try popToMark() }
    case "1": _ = try popToMark()
    case "2":
      let top = try pop()
      stack += [top, top]
    // Numbers and text.
    case "N": stack.append(.none)
    case "\u{88}": stack.append(.bool(true))
    case "\u{89}": stack.append(.bool(false))
    case "K": stack.append(.integer(try number(1)))
    case "M": stack.append(.integer(try number(2)))
    case "J": stack.append(.integer(Int(Int32(truncatingIfNeeded: try number(4)))))
    case "\u{8A}": stack.append(try long(try number(1)))
    case "\u{8B}": stack.append(try long(try number(4)))
    case "I":
      let word = try line()
      stack.append(word == "01" ? .bool(true) : word == "00" ? .bool(false) : .integer(Int(word) ?? 0))
    case "L": stack.append(.integer(Int(try line().filter { $0 != "L" }) ?? 0))
    case "F": stack.append(.float(Double(try line()) ?? 0))
    case "G":
      let bits = try take(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
      stack.append(.float(Double(bitPattern: bits)))
    case "X", "T": stack.append(try text(try number(4)))
    case "U", "\u{8C}": stack.append(try text(try number(1)))
    case "\u{8D}": stack.append(try text(try number(8)))
    case "S", "V": stack.append(.text(try line().trimmingCharacters(in: ["'", "\""])))
    case "B": stack.append(.bytes([UInt8](try take(try number(4)))))
    case "C": stack.append(.bytes([UInt8](try take(try number(1)))))
    case "\u{8E}", "\u{96}": stack.append(.bytes([UInt8](try take(try number(8)))))
    // Containers.
    case "]": push(.list, [])
    case "}": push(.dictionary, [])
    case ")": push(.tuple, [])
    case "\u{8F}": push(.list, [])
    case "l": push(.list, try popToMark())
    case "d": push(.dictionary, try popToMark())
    case "t": push(.tuple, try popToMark())
    case "\u{91}": push(.tuple, try popToMark())
    case "\u{85}": try tuple(1)
    case "\u{86}": try tuple(2)
    case "\u{87}": try tuple(3)
    case "a": try extend([try pop()], .list)
    case "e", "\u{90}": try extend(try popToMark(), .list)
    case "s":
      let (value, key) = (try pop(), try pop())
      try extend([key, value], .dictionary)
    case "u":
      let items = try popToMark()
      guard items.count % 2 == 0 else { throw malformed("has a key without a value") }
      try extend(items, .dictionary)
    // Names and calls, described and not made.
    case "c":
      let (module, name) = (try line(), try line())
      stack.append(.global("\(module).\(name)"))
    case "\u{93}":
      guard case .text(let name) = try pop(), case .text(let module) = try pop() else {
        throw malformed("has a name that is not text")
      }
      stack.append(.global("\(module).\(name)"))
    case "R", "\u{81}": try call()
    case "\u{92}":
      _ = try pop()
      try call()
    case "b":
      let state = try pop()
      try extend([state], .call)
    case "Q": push(.persistent, [try pop()])
    case "P": push(.persistent, [.text(try line())])
    // The memo.
    case "q": try remember(try number(1))
    case "r": try remember(try number(4))
    case "p": try remember(Int(try line()) ?? 0)
    case "\u{94}": try remember(memo.count)
    case "h": try recall(try number(1))
    case "j": try recall(try number(4))
    case "g": try recall(Int(try line()) ?? 0)
    default: throw malformed("has opcode \(opcode), which weights do not need,")
    }
  }
}
