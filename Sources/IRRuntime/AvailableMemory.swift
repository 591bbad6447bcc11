import Glibc

/// What the process may still use.
public enum AvailableMemory {
  /// Bytes that the machine has to give without swapping, or what is left to the process' control groups
  /// (version 2) or its address space (`ulimit -v`) where that is less; nil where the system does not say.
  public static var byteCount: Int? {
    let machine = number(after: "MemAvailable:", in: "/proc/meminfo").map { $0 * 1024 }
    return ([machine, addressSpace] + controlGroups).compactMap { $0 }.min()
  }

  /// What is left below the limit of the process' own group, and of each that it lies in.
  private static var controlGroups: [Int?] {
    let own = lines("/proc/self/cgroup").first { $0.hasPrefix("0::/") }?.dropFirst(4) ?? ""
    let names = own.split(separator: "/")
    return (0...names.count).map { count in
      let folder = (["/sys/fs/cgroup"] + names.prefix(count).map(String.init)).joined(separator: "/")
      guard let limit = lines("\(folder)/memory.max").first.flatMap({ Int($0) }),
        let current = lines("\(folder)/memory.current").first.flatMap({ Int($0) })
      else { return nil }
      // Files that were read and not used lately are given up when memory is asked for.
      let reclaimable = number(after: "inactive_file", in: "\(folder)/memory.stat") ?? 0
      return max(0, limit - max(0, current - reclaimable))
    }
  }

  /// What is left below `RLIMIT_AS`; nil without that limit.
  private static var addressSpace: Int? {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit) == 0, limit.rlim_cur < rlim_t(Int.max),
      let used = lines("/proc/self/statm").first?.split(separator: " ").first.flatMap({ Int($0) })
    else { return nil }
    return max(0, Int(limit.rlim_cur) - used * sysconf(Int32(_SC_PAGESIZE)))
  }

  private static func number(after name: String, in path: String) -> Int? {
    lines(path).lazy.map { $0.split(separator: " ") }.first { $0.first ?? "" == name }
      .flatMap { $0.dropFirst().first }.flatMap { Int($0) }
  }

  fileprivate static func lines(_ path: String) -> [String] {
    guard let file = fopen(path, "r") else { return [] }
    defer { fclose(file) }
    var result: [String] = []
    var buffer = [CChar](repeating: 0, count: 256)
    while result.count < 256, fgets(&buffer, 256, file) != nil {
      let text = String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
      result.append(String(text.split(separator: "\n").first ?? ""))
    }
    return result
  }
}

/// What the process holds.
public enum ResidentMemory {
  /// The most bytes of its pages that lay in memory since it began, or since `resetPeak`; nil where the
  /// system does not say.
  public static var peakByteCount: Int? {
    AvailableMemory.lines("/proc/self/status").first { $0.hasPrefix("VmHWM:") }
      .flatMap { $0.split(whereSeparator: { $0 == " " || $0 == "\t" }).dropFirst().first }
      .flatMap { Int($0) }.map { $0 * 1024 }
  }

  /// Begins the peak anew at what is held now, where the system allows it.
  public static func resetPeak() {
    guard let file = fopen("/proc/self/clear_refs", "w") else { return }
    fputs("5", file)
    fclose(file)
  }

  /// Bytes of its pages that lie in memory; nil where the system does not say.
  public static var byteCount: Int? {
    AvailableMemory.lines("/proc/self/statm").first
      .flatMap { $0.split(separator: " ").dropFirst().first }.flatMap { Int($0) }
      .map { $0 * Int(sysconf(Int32(_SC_PAGESIZE))) }
  }
}
