/// Makes a `Codable` value of its attributes. Every mismatch is an `AttributeMismatch`.
struct AttributeDecoder: Decoder {
  let attribute: Attribute
  let codingPath: [any CodingKey]
  var userInfo: [CodingUserInfoKey: Any] { [:] }

  init(_ attribute: Attribute, path: [any CodingKey] = []) {
    self.attribute = attribute
    codingPath = path
  }

  func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
    guard case .record(let fields) = attribute else { throw mismatch("a record") }
    return KeyedDecodingContainer(Keyed<Key>(fields: fields, codingPath: codingPath))
  }

  func unkeyedContainer() throws -> any UnkeyedDecodingContainer {
    guard case .list(let elements) = attribute else { throw mismatch("a list") }
    return Unkeyed(elements: elements, codingPath: codingPath)
  }

  func singleValueContainer() throws -> any SingleValueDecodingContainer {
    Single(attribute: attribute, codingPath: codingPath)
  }

  private func mismatch(_ wanted: String) -> AttributeMismatch {
    AttributeMismatch(path: codingPath, found: attribute, wanted: wanted)
  }

  static func decoded<T: Decodable>(_ type: T.Type, _ attribute: Attribute, _ path: [any CodingKey]) throws
    -> T
  {
    func scalar<V>(_ value: V?) throws -> T {
      guard let value, let result = value as? T else {
        throw AttributeMismatch(path: path, found: attribute, wanted: "\(T.self)")
      }
      return result
    }
    let digits: String? = if case .number(let text) = attribute { text } else { nil }
    switch type {
    case is Bool.Type:
      return try scalar({ if case .bool(let value) = attribute { value } else { nil } }() as Bool?)
    case is String.Type:
      return try scalar({ if case .string(let text) = attribute { text } else { nil } }() as String?)
    case is Float.Type: return try scalar(digits.flatMap { Float($0) })
    case is Double.Type: return try scalar(digits.flatMap { Double($0) })
    case let type as any FixedWidthInteger.Type:
      func parse<I: FixedWidthInteger>(_: I.Type) -> I? { digits.flatMap { I($0) } }
      return try scalar(parse(type) as Any as? T)
    default: return try T(from: AttributeDecoder(attribute, path: path))
    }
  }

  private struct Single: SingleValueDecodingContainer {
    let attribute: Attribute
    let codingPath: [any CodingKey]

    func decodeNil() -> Bool { attribute == .null }
    func decode<T: Decodable>(_ type: T.Type) throws -> T { try decoded(type, attribute, codingPath) }
  }

  private struct Unkeyed: UnkeyedDecodingContainer {
    let elements: [Attribute]
    let codingPath: [any CodingKey]
    var currentIndex = 0
    var count: Int? { elements.count }
    var isAtEnd: Bool { currentIndex >= elements.count }

    mutating func next() throws -> Attribute {
      guard !isAtEnd else {
        throw AttributeMismatch(path: codingPath, found: .list(elements), wanted: "a longer list")
      }
      currentIndex += 1
      return elements[currentIndex - 1]
    }
    mutating func decodeNil() throws -> Bool {
      guard !isAtEnd, elements[currentIndex] == .null else { return false }
      currentIndex += 1
      return true
    }
    mutating func decode<T: Decodable>(_ type: T.Type) throws -> T {
      try decoded(type, try next(), codingPath)
    }
    mutating func nestedContainer<K: CodingKey>(keyedBy type: K.Type) throws -> KeyedDecodingContainer<K> {
      try AttributeDecoder(try next(), path: codingPath).container(keyedBy: type)
    }
    mutating func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer {
      try AttributeDecoder(try next(), path: codingPath).unkeyedContainer()
    }
    mutating func superDecoder() throws -> any Decoder { AttributeDecoder(try next(), path: codingPath) }
  }

  private struct Keyed<Key: CodingKey>: KeyedDecodingContainerProtocol {
    let fields: [(name: String, value: Attribute)]
    let codingPath: [any CodingKey]
    var allKeys: [Key] { fields.compactMap { Key(stringValue: $0.name) } }

    func contains(_ key: Key) -> Bool { fields.contains { $0.name == key.stringValue } }
    private func field(_ key: any CodingKey) throws -> Attribute {
      guard let found = fields.first(where: { $0.name == key.stringValue }) else {
        throw AttributeMismatch(
          path: codingPath, found: .record(fields), wanted: "an attribute \(key.stringValue)")
      }
      return found.value
    }
    func decodeNil(forKey key: Key) throws -> Bool { try field(key) == .null }
    func decode<T: Decodable>(_ type: T.Type, forKey key: Key) throws -> T {
      try decoded(type, try field(key), codingPath + [key])
    }
    func nestedContainer<K: CodingKey>(keyedBy type: K.Type, forKey key: Key) throws
      -> KeyedDecodingContainer<K>
    {
      try AttributeDecoder(try field(key), path: codingPath + [key]).container(keyedBy: type)
    }
    func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
      try AttributeDecoder(try field(key), path: codingPath + [key]).unkeyedContainer()
    }
    func superDecoder() throws -> any Decoder { AttributeDecoder(.null, path: codingPath) }
    func superDecoder(forKey key: Key) throws -> any Decoder {
      AttributeDecoder(try field(key), path: codingPath + [key])
    }
  }
}

/// Attributes that are not what an operator has.
struct AttributeMismatch: Error, CustomStringConvertible {
  var path: [any CodingKey]
  var found: Attribute
  var wanted: String

  var description: String {
    let place = path.isEmpty ? "attributes" : path.map(\.stringValue).joined(separator: ".")
    return "\(place): \(wanted) expected, not \(found.text)"
  }
}
