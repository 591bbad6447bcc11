import ArgumentParser

/// A length of time: `90s`, `45m`, `2h`, `1h30m`.
package struct TimeSpan: ExpressibleByArgument, Sendable, Hashable {
  package var seconds: Double

  package init?(argument: String) {
    let units: [Character: Double] = ["s": 1, "m": 60, "h": 3600]
    var (sum, number, last) = (0.0, "", Double.infinity)
    for character in argument.lowercased() {
      guard let unit = units[character] else {
        number.append(character)
        continue
      }
      // The larger unit comes first, and each comes once.
      guard unit < last, let value = Double(number), value >= 0 else { return nil }
      (sum, number, last) = (sum + value * unit, "", unit)
    }
    guard number.isEmpty, sum > 0, sum <= 1e8 else { return nil }
    seconds = sum
  }
}
