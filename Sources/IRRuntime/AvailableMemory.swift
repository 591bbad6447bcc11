import Glibc

/// What the process may still use.
public enum AvailableMemory {
  /// Bytes that the machine has to give without swapping, or what is left to the control group (version 2)
  /// where that is less; nil where the system does not say.
  public static var byteCount: Int? {
    let machine = lines("/proc/meminfo").first { $0.hasPrefix("MemAvailable:") }
      .flatMap { $0.split(separator: " ").dropFirst().first }.flatMap { Int($0) }.map { $0 * 1024 }
    return [machine, controlGroup].compactMap { $0 }.min()
  }

  private static var controlGroup: Int? {
    guard let limit = lines("/sys/fs/cgroup/memory.max").first.flatMap({ Int($0) }),
      let current = lines("/sys/fs/cgroup/memory.current").first.flatMap({ Int($0) })
    else { return nil }
    return max(0, limit - current)
  }

  fileprivate static func lines(_ path: String) -> [String] {
    guard let file = fopen(path, "r") else { return [] }
    defer { fclose(file) }
    var result: [String] = []
    var buffer = [CChar](repeating: 0, count: 256)
    while result.count < 64, fgets(&buffer, 256, file) != nil {
      let text = String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
      result.append(String(text.split(separator: "\n").first ?? ""))
    }
    return result
  }
}

/// What the process holds.
public enum ResidentMemory {
  /// The most bytes of its pages that lay in memory since it began, or since `resetPeak`; nil where the system does
  /// not say.
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
