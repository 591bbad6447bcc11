import ArgumentParser

/// A number of bytes with a unit of 1024: `500M`, `4G`.
public struct MemorySize: ExpressibleByArgument, Sendable {
  public var byteCount: Int

  public init?(argument: String) {
    let units: [Character: Int] = ["K": 10, "M": 20, "G": 30, "T": 40]
    let shift = argument.last.flatMap { units[Character($0.uppercased())] }
    guard let number = Double(shift == nil ? argument : String(argument.dropLast())), number > 0,
      number < 1e15
    else {
      return nil
    }
    byteCount = Int(min(number * Double(1 << (shift ?? 0)), 1e18))
  }
}
