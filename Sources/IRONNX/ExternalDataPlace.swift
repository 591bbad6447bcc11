/// The place of a tensor's bytes by its `external_data` entries, held to the rules that reading and writing
/// share: known keys once each, a location below the model's folder, decimal numbers.
struct ExternalDataPlace {
  struct Problem: Error { var text: String }

  var location: String
  var offset = 0
  var length: Int?

  static func parse(_ properties: [ONNXProperty]) -> Result<Self, Problem> {
    var values: [String: String] = [:]
    for property in properties {
      guard ["location", "offset", "length", "checksum"].contains(property.key) else {
        return refusal("the key \(property.key) is not one of location, offset, length, checksum")
      }
      guard values.updateValue(property.value, forKey: property.key) == nil else {
        return refusal("the key \(property.key) occurs twice")
      }
    }
    guard let location = values["location"], !location.isEmpty else {
      return refusal("it names no location")
    }
    let components = location.split(separator: "/", omittingEmptySubsequences: false)
    guard !location.contains("\\"), !location.contains("\0"), location.utf8.count < 4096,
      components.allSatisfy({ !["", ".", ".."].contains($0) })
    else { return refusal("the location \(location) leaves the model's folder") }
    var numbers: [String: Int] = [:]
    for key in ["offset", "length"] {
      guard let text = values[key] else { continue }
      guard let value = Int(text), text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
        return refusal("\(key) is \(text.debugDescription)")
      }
      numbers[key] = value
    }
    return .success(Self(location: location, offset: numbers["offset"] ?? 0, length: numbers["length"]))
  }

  private static func refusal(_ text: String) -> Result<Self, Problem> { .failure(Problem(text: text)) }
}
