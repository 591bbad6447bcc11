/// A buffer that is needed from one step to another, both included.
public struct BufferLifetime: Hashable, Sendable {
  public var start: Int
  public var end: Int
  public var byteCount: Int

  public init(start: Int, end: Int, byteCount: Int) {
    self.start = start
    self.end = end
    self.byteCount = byteCount
  }

  func overlaps(_ other: BufferLifetime) -> Bool { start <= other.end && other.start <= end }
}

/// Where each buffer lies in one arena.
public struct MemoryPlan: Hashable, Sendable {
  public var lifetimes: [BufferLifetime]
  /// Bytes from the arena's start, one per lifetime.
  public var offsets: [Int]
  /// The arena's size.
  public var peakByteCount: Int
}

/// Places buffers so that no two that live at the same time overlap: the largest first, each into the
/// smallest gap that holds it.
public func planMemory(for lifetimes: [BufferLifetime], alignment: Int) -> MemoryPlan {
  func aligned(_ count: Int) -> Int { (count + alignment - 1) / alignment * alignment }
  var offsets = [Int](repeating: 0, count: lifetimes.count)
  var placed: [Int] = []
  var peak = 0
  let order = lifetimes.indices.sorted {
    (lifetimes[$1].byteCount, $0) < (lifetimes[$0].byteCount, $1)
  }
  for index in order {
    let size = aligned(lifetimes[index].byteCount)
    let neighbours = placed.filter { lifetimes[$0].overlaps(lifetimes[index]) }
      .map { (start: offsets[$0], end: offsets[$0] + aligned(lifetimes[$0].byteCount)) }
      .sorted { $0.start < $1.start }
    var best: (offset: Int, gap: Int)?
    var cursor = 0
    for neighbour in neighbours {
      let gap = neighbour.start - cursor
      if gap >= size, gap < best?.gap ?? .max { best = (cursor, gap) }
      cursor = max(cursor, neighbour.end)
    }
    offsets[index] = best?.offset ?? cursor
    placed.append(index)
    peak = max(peak, offsets[index] + size)
  }
  return MemoryPlan(lifetimes: lifetimes, offsets: offsets, peakByteCount: peak)
}

extension MemoryPlan {
  /// The first two buffers that live at the same time and overlap, or nil.
  public var conflict: (Int, Int)? {
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
