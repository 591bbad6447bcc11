import Glibc

/// The memory that the process may still use.
package enum AvailableMemory {
  /// Bytes that the machine has to give without swapping, or what is left to the process' control groups
  /// (version 2) or its address space (`ulimit -v`) where that is less; nil if the system does not say.
  package static var byteCount: Int? {
    let machine = number(after: "MemAvailable:", in: "/proc/meminfo").map { $0 * 1024 }
    return ([machine, addressSpace] + controlGroups).compactMap { $0 }.min()
  }

  /// The bytes left below the limit of the process' own group, and of each that it lies in.
  private static var controlGroups: [Int?] {
    ControlGroup.folders("", under: ["/sys/fs/cgroup"]).map { folder in
      guard let limit = SystemFile.lines("\(folder)/memory.max").first.flatMap({ Int($0) }),
        let current = SystemFile.lines("\(folder)/memory.current").first.flatMap({ Int($0) })
      else { return nil }
      // Files that were read and not used lately are given up when memory is asked for.
      let reclaimable = number(after: "inactive_file", in: "\(folder)/memory.stat") ?? 0
      return max(0, limit - max(0, current - reclaimable))
    }
  }

  /// The bytes left below `RLIMIT_AS`; nil without that limit.
  private static var addressSpace: Int? {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit) == 0, limit.rlim_cur < rlim_t(Int.max),
      let used = SystemFile.lines("/proc/self/statm").first?.split(separator: " ").first.flatMap({ Int($0) })
    else { return nil }
    return max(0, Int(limit.rlim_cur) - used * sysconf(Int32(_SC_PAGESIZE)))
  }

  private static func number(after name: String, in path: String) -> Int? {
    SystemFile.lines(path).lazy.map { $0.split(separator: " ") }.first { $0.first ?? "" == name }
      .flatMap { $0.dropFirst().first }.flatMap { Int($0) }
  }
}

/// The memory that the process holds.
package enum ResidentMemory {
  /// The most bytes of its pages that lay in memory since it began, or since `resetPeak`; nil if the
  /// system does not say.
  package static var peakByteCount: Int? {
    SystemFile.lines("/proc/self/status").first { $0.hasPrefix("VmHWM:") }
      .flatMap { $0.split(whereSeparator: { $0 == " " || $0 == "\t" }).dropFirst().first }
      .flatMap { Int($0) }.map { $0 * 1024 }
  }

  /// Starts the peak anew from the memory held now, if the system allows it.
  package static func resetPeak() {
    guard let file = fopen("/proc/self/clear_refs", "w") else { return }
    fputs("5", file)
    fclose(file)
  }

  /// Bytes of its pages that lie in memory; nil if the system does not say.
  package static var byteCount: Int? {
    pageCounts.map { $0.resident * Int(sysconf(Int32(_SC_PAGESIZE))) }
  }

  /// Bytes of `byteCount` that are the process' own: pages of mapped files are not, which the system takes
  /// back when it needs them; nil if the system does not say.
  package static var ownByteCount: Int? {
    pageCounts.map { ($0.resident - $0.ofFiles) * Int(sysconf(Int32(_SC_PAGESIZE))) }
  }

  /// The most that `ownByteCount` was, as far as the system tells: pages of files are counted as there are
  /// now.
  package static var ownPeakByteCount: Int? {
    guard let peak = peakByteCount, let pages = pageCounts else { return nil }
    return peak - pages.ofFiles * Int(sysconf(Int32(_SC_PAGESIZE)))
  }

  private static var pageCounts: (resident: Int, ofFiles: Int)? {
    guard let line = SystemFile.lines("/proc/self/statm").first else { return nil }
    let counts = line.split(separator: " ").compactMap { Int($0) }
    return counts.count > 2 ? (counts[1], counts[2]) : nil
  }
}
