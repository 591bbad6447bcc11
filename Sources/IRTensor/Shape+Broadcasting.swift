extension Shape {
  /// The shape two operands meet at under NumPy's rule (aligned at the last axis, an extent of 1
  /// stretches), or nil if they do not.
  public func broadcast(with other: Shape) -> Shape? {
    let rank = Swift.max(self.rank, other.rank)
    var result = [Int](repeating: 1, count: rank)
    for axis in 0..<rank {
      let a = axis < rank - self.rank ? 1 : self[axis - (rank - self.rank)]
      let b = axis < rank - other.rank ? 1 : other[axis - (rank - other.rank)]
      if a == b || b == 1 {
        result[axis] = a
      } else if a == 1 {
        result[axis] = b
      } else {
        return nil
      }
    }
    return Shape(result)
  }

  /// Strides in elements with which a tensor of this shape is read as if it had `target`'s shape: 0
  /// on stretched axes.
  /// - Precondition: this shape broadcasts to `target`.
  public func broadcastStrides(to target: Shape) -> [Int] {
    let offset = target.rank - rank
    precondition(offset >= 0, "\(self) has more axes than \(target)")
    let own = strides
    return (0..<target.rank).map { axis in
      guard axis >= offset else { return 0 }
      let extent = self[axis - offset]
      precondition(extent == target[axis] || extent == 1, "\(self) does not broadcast to \(target)")
      return extent == 1 ? 0 : own[axis - offset]
    }
  }
}
