import ArgumentParser

/// A byte count with a binary suffix: `500M`, `4G`, `1.5GiB`.
package struct MemorySize: ExpressibleByArgument, Sendable {
  package var byteCount: Int

  package init?(argument: String) {
    let units: [Character: Int] = ["K": 10, "M": 20, "G": 30, "T": 40]
    var text = argument.uppercased()
    for ending in ["IB", "B"] where text.hasSuffix(ending) {
      text.removeLast(ending.count)
      break
    }
    let shift = text.last.flatMap { units[$0] }
    guard let number = Double(shift == nil ? text : String(text.dropLast())), number > 0, number < 1e15 else {
      return nil
    }
    byteCount = Int(min(number * Double(1 << (shift ?? 0)), 1e18))
  }
}
