import Foundation
import IRRuntime
import Testing

/// A limit of the address space counts as memory that is not there.
@Test func addressSpaceLimitsAvailableMemory() throws {
  let beside = 2 << 30
  let text = try String(contentsOfFile: "/proc/self/statm", encoding: .utf8)
  let pages = try #require(text.split(separator: " ").first.flatMap { Int($0) })
  var before = rlimit()
  #expect(getrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &before) == 0)
  var limit = before
  limit.rlim_cur = rlim_t(pages * sysconf(Int32(_SC_PAGESIZE)) + beside)
  #expect(setrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit) == 0)
  let available = AvailableMemory.byteCount
  #expect(setrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &before) == 0)
  let found = try #require(available)
  // Other tests may have taken some meanwhile.
  #expect(found <= beside + (64 << 20))
}
