import IRTensor

/// Sizes as people read them, with three digits: `3×64×96`, `4.11 G`, `16.5 MiB`.
package enum SizeText {
  static func shape(_ shape: Shape) -> String {
    let extents = shape.first == 1 && shape.rank > 1 ? Array(shape.dropFirst()) : shape.extents
    return extents.map(String.init).joined(separator: "×")
  }

  /// With a decimal prefix.
  package static func count(_ number: Int) -> String {
    for (unit, size) in [("T", 1e12), ("G", 1e9), ("M", 1e6), ("k", 1e3)] where Double(number) >= size {
      return "\(rounded(Double(number) / size)) \(unit)"
    }
    return "\(number)"
  }

  /// With a binary prefix.
  package static func bytes(_ number: Int) -> String {
    for (unit, shift) in [("GiB", 30), ("MiB", 20), ("KiB", 10)] where number >= 1 << shift {
      return "\(rounded(Double(number) / Double(1 << shift))) \(unit)"
    }
    return "\(number) bytes"
  }

  private static func rounded(_ value: Double) -> String {
    let scale: Double = value < 10 ? 100 : value < 100 ? 10 : 1
    let rounded = (value * scale).rounded() / scale
    return rounded == rounded.rounded() ? "\(Int(rounded))" : "\(rounded)"
  }
}
