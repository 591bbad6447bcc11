/// The settings of a network under the keys of its official constructor.
///
/// A type lists its keys once; reading takes every key as optional, and refuses one that is not in the list.
package protocol NetworkConfiguration: Codable, Hashable, Sendable {
  /// The paper's settings.
  init()
  static var keys: [ConfigurationKey<Self>] { get }
  /// Whether a key that is not listed may stand in a file; `isOff` where its value is null or false.
  static func passesOver(_ key: String, isOff: Bool) -> Bool
}

extension NetworkConfiguration {
  package static func passesOver(_ key: String, isOff: Bool) -> Bool { false }
}

/// One key of a configuration and the property that it is.
package struct ConfigurationKey<Configuration> {
  let name: String
  let read: (inout Configuration, KeyedDecodingContainer<AnyKey>) throws -> Void
  let write: (Configuration, inout KeyedEncodingContainer<AnyKey>) throws -> Void

  package init<Value: Codable>(_ name: String, _ property: WritableKeyPath<Configuration, Value>) {
    self.init(name, property) { _ in nil }
  }

  /// A number within a range.
  package init(_ name: String, _ property: WritableKeyPath<Configuration, Int>, in range: ClosedRange<Int>) {
    self.init(name, property) {
      range.contains($0) ? nil : "is \($0), must be \(range.lowerBound) to \(range.upperBound)"
    }
  }

  /// Up to 16 numbers within a range.
  package init(_ name: String, _ property: WritableKeyPath<Configuration, [Int]>, in range: ClosedRange<Int>)
  {
    self.init(name, property) { list in
      if list.count > 16 { return "has \(list.count) numbers, the limit is 16" }
      let wrong = list.first { !range.contains($0) }
      return wrong.map { "holds \($0), must be \(range.lowerBound) to \(range.upperBound)" }
    }
  }

  /// A key for which one value is supported; null stands for it too.
  package init<Value: Codable & Equatable>(_ name: String, only value: Value) {
    self.name = name
    read = { _, container in
      guard let found = try container.decodeIfPresent(Value.self, forKey: AnyKey(name)), found != value
      else { return }
      throw ModelError.configuration("\(name) is \(found), only \(value) is supported")
    }
    write = { _, container in try container.encode(value, forKey: AnyKey(name)) }
  }

  private init<Value: Codable>(
    _ name: String, _ property: WritableKeyPath<Configuration, Value>,
    _ complaint: @escaping (Value) -> String?
  ) {
    self.name = name
    read = { configuration, container in
      guard let value = try container.decodeIfPresent(Value.self, forKey: AnyKey(name)) else { return }
      if let complaint = complaint(value) { throw ModelError.configuration("\(name) \(complaint)") }
      configuration[keyPath: property] = value
    }
    write = { configuration, container in
      try container.encode(configuration[keyPath: property], forKey: AnyKey(name))
    }
  }
}

struct AnyKey: CodingKey {
  var stringValue: String
  var intValue: Int? { nil }

  init(_ name: String) { stringValue = name }
  init?(stringValue: String) { self.init(stringValue) }
  init?(intValue: Int) { nil }
}

extension NetworkConfiguration {
  package init(from decoder: any Decoder) throws {
    self.init()
    let container = try decoder.container(keyedBy: AnyKey.self)
    let keys = Self.keys
    // Oracles and training frameworks note these beside the constructor's arguments.
    let notes: Set<String> = ["parameters", "network", "type"]
    let names = keys.map(\.name)
    for key in container.allKeys.map(\.stringValue).sorted()
    where !names.contains(key) && !notes.contains(key) {
      if Self.passesOver(key, isOff: isOff(key, in: container)) { continue }
      let near = nearest(to: key, in: names).map { "; did you mean \($0)?" } ?? ""
      throw ModelError.configuration(
        "\(key) is not a key of this network\(near) Keys are \(names.joined(separator: ", "))")
    }
    for key in keys { try key.read(&self, container) }
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: AnyKey.self)
    for key in Self.keys { try key.write(self, &container) }
  }
}

/// Whether a value is null or false.
private func isOff(_ key: String, in container: KeyedDecodingContainer<AnyKey>) -> Bool {
  let key = AnyKey(key)
  return (try? container.decodeNil(forKey: key)) == true
    || (try? container.decode(Bool.self, forKey: key)) == false
}
