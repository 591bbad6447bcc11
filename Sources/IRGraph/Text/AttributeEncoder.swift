/// Turns a `Codable` value into its attributes.
final class AttributeEncoder: Encoder {
  let codingPath: [any CodingKey] = []
  let userInfo: [CodingUserInfoKey: Any] = [:]
  private var slot = Slot.single(.null)

  private enum Slot {
    case single(Attribute)
    case fields(Fields)
    case elements(Elements)
  }

  static func attribute(of value: some Encodable) throws -> Attribute {
    let encoder = AttributeEncoder()
    try value.encode(to: encoder)
    return encoder.attribute
  }

  fileprivate var attribute: Attribute {
    switch slot {
    case .single(let attribute): attribute
    case .fields(let fields): .record(fields.list.map { ($0.name, $0.value()) })
    case .elements(let elements): .list(elements.list.map { $0() })
    }
  }

  func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
    let fields: Fields
    if case .fields(let existing) = slot { fields = existing } else { fields = Fields() }
    slot = .fields(fields)
    return KeyedEncodingContainer(Keyed<Key>(fields: fields))
  }

  func unkeyedContainer() -> any UnkeyedEncodingContainer {
    let elements = Elements()
    slot = .elements(elements)
    return Unkeyed(elements: elements)
  }

  func singleValueContainer() -> any SingleValueEncodingContainer { Single(encoder: self) }

  final class Fields { var list: [(name: String, value: () -> Attribute)] = [] }
  final class Elements { var list: [() -> Attribute] = [] }

  static func encoded(_ value: some Encodable) throws -> Attribute {
    switch value {
    case let value as Bool: .bool(value)
    case let value as String: .string(value)
    case let value as Float: .number("\(value)")
    case let value as Double: .number("\(value)")
    case let value as any BinaryInteger: .number("\(value)")
    default: try attribute(of: value)
    }
  }

  private struct Single: SingleValueEncodingContainer {
    let encoder: AttributeEncoder
    var codingPath: [any CodingKey] { [] }

    mutating func encodeNil() throws { encoder.slot = .single(.null) }
    mutating func encode<T: Encodable>(_ value: T) throws { encoder.slot = .single(try encoded(value)) }
  }

  private struct Unkeyed: UnkeyedEncodingContainer {
    let elements: Elements
    var codingPath: [any CodingKey] { [] }
    var count: Int { elements.list.count }

    mutating func encodeNil() throws { elements.list.append { .null } }
    mutating func encode<T: Encodable>(_ value: T) throws {
      let attribute = try encoded(value)
      elements.list.append { attribute }
    }
    mutating func nestedContainer<K: CodingKey>(keyedBy type: K.Type) -> KeyedEncodingContainer<K> {
      let encoder = nested()
      return encoder.container(keyedBy: type)
    }
    mutating func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer { nested().unkeyedContainer() }
    mutating func superEncoder() -> any Encoder { nested() }

    private func nested() -> AttributeEncoder {
      let encoder = AttributeEncoder()
      elements.list.append { encoder.attribute }
      return encoder
    }
  }

  private struct Keyed<Key: CodingKey>: KeyedEncodingContainerProtocol {
    let fields: Fields
    var codingPath: [any CodingKey] { [] }

    mutating func encodeNil(forKey key: Key) throws { fields.list.append((key.stringValue, { .null })) }
    mutating func encode<T: Encodable>(_ value: T, forKey key: Key) throws {
      let attribute = try encoded(value)
      fields.list.append((key.stringValue, { attribute }))
    }
    mutating func nestedContainer<K: CodingKey>(
      keyedBy type: K.Type, forKey key: Key
    ) -> KeyedEncodingContainer<K> {
      nested(key.stringValue).container(keyedBy: type)
    }
    mutating func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer {
      nested(key.stringValue).unkeyedContainer()
    }
    mutating func superEncoder() -> any Encoder { nested("super") }
    mutating func superEncoder(forKey key: Key) -> any Encoder { nested(key.stringValue) }

    private func nested(_ name: String) -> AttributeEncoder {
      let encoder = AttributeEncoder()
      fields.list.append((name, { encoder.attribute }))
      return encoder
    }
  }
}
