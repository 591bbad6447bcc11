/// The extents of a tensor, outermost first; images are always `[N, C, H, W]`.
public struct Shape: Hashable, Sendable, ExpressibleByArrayLiteral {
  public var extents: [Int]

  public init(_ extents: [Int]) { self.extents = extents }
  public init(arrayLiteral elements: Int...) { self.extents = elements }

  public static let scalar = Shape([])

  public var rank: Int { extents.count }

  /// The number of elements, 1 for a scalar.
  /// - Precondition: the product fits an `Int`; `checkedElementCount` is for extents from a file.
  public var elementCount: Int { extents.reduce(1, *) }

  /// The number of elements, or nil if an extent is negative or the product overflows.
  public var checkedElementCount: Int? {
    var product = 1
    var hasZero = false
    for extent in extents {
      guard extent >= 0 else { return nil }
      if extent == 0 { hasZero = true; continue }
      let (next, overflow) = product.multipliedReportingOverflow(by: extent)
      guard !overflow else { return nil }
      product = next
    }
    return hasZero ? 0 : product
  }

  /// Row-major strides in elements.
  public var strides: [Int] {
    var result = [Int](repeating: 1, count: rank)
    for axis in stride(from: rank - 2, through: 0, by: -1) {
      result[axis] = result[axis + 1] * extents[axis + 1]
    }
    return result
  }

  /// The product of the extents in `range`.
  public func elementCount(in range: Range<Int>) -> Int { extents[range].reduce(1, *) }
}

extension Shape: RandomAccessCollection, MutableCollection {
  public var startIndex: Int { 0 }
  public var endIndex: Int { extents.count }
  public subscript(axis: Int) -> Int {
    get { extents[axis] }
    set { extents[axis] = newValue }
  }
}

extension Shape: CustomStringConvertible {
  public var description: String { "[" + extents.map(String.init).joined(separator: ", ") + "]" }
}

extension Shape: Codable {
  public init(from decoder: any Decoder) throws { self.init(try [Int](from: decoder)) }
  public func encode(to encoder: any Encoder) throws { try extents.encode(to: encoder) }
}
