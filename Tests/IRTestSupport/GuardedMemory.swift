#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Memory whose last element ends a page, before a page that may not be touched.
package final class Guarded<Element> {
  package let count: Int
  package let pointer: UnsafeMutablePointer<Element>
  private let mapping: UnsafeMutableRawPointer
  private let byteCount: Int

  package init(count: Int) {
    let page = Int(sysconf(Int32(_SC_PAGESIZE)))
    let needed = count * MemoryLayout<Element>.stride
    let usable = (needed + page - 1) / page * page
    byteCount = usable + page
    guard
      let mapping = mmap(
        nil, byteCount, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
      mapping != MAP_FAILED
    else { preconditionFailure("no memory for \(count) elements") }
    precondition(mprotect(mapping + usable, page, PROT_NONE) == 0)
    self.mapping = mapping
    self.count = count
    pointer = (mapping + (usable - needed)).bindMemory(to: Element.self, capacity: count)
  }

  package convenience init(_ elements: [Element]) {
    self.init(count: elements.count)
    for (i, element) in elements.enumerated() { pointer[i] = element }
  }

  deinit { munmap(mapping, byteCount) }

  package var elements: [Element] { Array(UnsafeBufferPointer(start: pointer, count: count)) }
}

/// A workspace of exactly the bytes asked for, rounded to keep 64-byte alignment.
package func workspace(_ byteCount: Int) -> Guarded<Float> {
  let workspace = Guarded<Float>(count: (byteCount + 63) / 64 * 16)
  for i in 0..<workspace.count { workspace.pointer[i] = .nan }
  return workspace
}
