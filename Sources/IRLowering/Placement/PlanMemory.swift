import IRTensor

/// A buffer that is needed from one step to another, both included.
package struct BufferLifetime: Hashable, Sendable {
  package var start: Int
  package var end: Int
  package var byteCount: Int

  package init(start: Int, end: Int, byteCount: Int) {
    self.start = start
    self.end = end
    self.byteCount = byteCount
  }

  func overlaps(_ other: BufferLifetime) -> Bool { start <= other.end && other.start <= end }
}

/// The place of each buffer in one arena.
package struct MemoryPlan: Hashable, Sendable {
  package var lifetimes: [BufferLifetime]
  /// Bytes from the arena's start, one per lifetime.
  package var offsets: [Int]
  /// The arena's size.
  package var peakByteCount: Int
}

/// Places buffers so that no two that live at the same time overlap: the largest first, each into the
/// smallest gap that holds it.
///
/// A buffer may come in parts that lie one behind the other and are given up one by one: `rows` are such runs
/// of lifetimes, in order; a lifetime in none stands alone. The first of a row is aligned.
package func planMemory(
  for lifetimes: [BufferLifetime], rows: [Range<Int>] = [], alignment: Int
) -> MemoryPlan {
  func aligned(_ count: Int) -> Int { count.roundedUp(toMultipleOf: alignment) }
  var offsets = [Int](repeating: 0, count: lifetimes.count)
  var placed: [Int] = []
  var peak = 0
  var all = rows
  var next = 0
  for row in rows.sorted(by: { $0.lowerBound < $1.lowerBound }) {
    all += (next..<row.lowerBound).map { $0..<($0 + 1) }
    next = row.upperBound
  }
  all += (next..<lifetimes.count).map { $0..<($0 + 1) }
  func byteCount(_ row: Range<Int>) -> Int { lifetimes[row].reduce(0) { $0 + $1.byteCount } }
  for (row, size) in all.map({ ($0, byteCount($0)) }).sorted(by: {
    ($1.1, $0.0.lowerBound) < ($0.1, $1.0.lowerBound)
  }) {
    // The places that the row may not begin at: from after the first number to before the second.
    var taken: [(after: Int, before: Int)] = []
    var partOffset = 0
    for part in row {
      let partEnd = partOffset + lifetimes[part].byteCount
      for other in placed where lifetimes[other].overlaps(lifetimes[part]) && lifetimes[other].byteCount > 0 {
        taken.append((offsets[other] - partEnd, offsets[other] + lifetimes[other].byteCount - partOffset))
      }
      partOffset = partEnd
    }
    var best: (offset: Int, slack: Int)?
    var cursor = 0
    for (after, before) in taken.sorted(by: { ($0.after, $0.before) < ($1.after, $1.before) }) {
      if after >= cursor, after - cursor < best?.slack ?? .max { best = (cursor, after - cursor) }
      cursor = max(cursor, aligned(max(before, 0)))
    }
    var offset = best?.offset ?? cursor
    peak = max(peak, aligned(offset + size))
    for part in row {
      offsets[part] = offset
      offset += lifetimes[part].byteCount
      placed.append(part)
    }
  }
  return MemoryPlan(lifetimes: lifetimes, offsets: offsets, peakByteCount: peak)
}

extension MemoryPlan {
  /// The first two buffers that live at the same time and overlap, or nil.
  package var conflict: (Int, Int)? {
    for a in lifetimes.indices {
      for b in lifetimes.indices.dropFirst(a + 1) where lifetimes[a].overlaps(lifetimes[b]) {
        let (startA, startB) = (offsets[a], offsets[b])
        if startA < startB + lifetimes[b].byteCount, startB < startA + lifetimes[a].byteCount {
          return (a, b)
        }
      }
    }
    return nil
  }
}
