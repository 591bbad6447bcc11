import CIROperators
import Glibc

/// How a program runs.
public struct RuntimeOptions: Sendable {
  public var threadCount: Int
  /// The most bytes that a session may take; nil is three quarters of what the system has left.
  public var memoryByteCount: Int?

  /// Whether programs that would exceed the memory may keep pictures between their steps as float16, where
  /// exact tiles are no way out.
  public var allowsFloat16Storage: Bool

  /// Asked before each step of a program, with the count of steps done and of all, by the thread that runs it. A run
  /// ends with `RuntimeError.cancelled` once the answer is false.
  public var monitor: (@Sendable (_ done: Int, _ count: Int) -> Bool)?

  public init(
    threadCount: Int = RuntimeOptions.defaultThreadCount, memoryByteCount: Int? = nil,
    allowsFloat16Storage: Bool = false, monitor: (@Sendable (_ done: Int, _ count: Int) -> Bool)? = nil
  ) {
    self.threadCount = max(1, threadCount)
    self.memoryByteCount = memoryByteCount
    self.allowsFloat16Storage = allowsFloat16Storage
    self.monitor = monitor
  }

  /// The limit that holds now.
  package var memoryLimit: Int { memoryByteCount ?? AvailableMemory.byteCount.map { $0 / 4 * 3 } ?? .max }

  /// The processors that the process may use: its affinity, and its control group's quota where that is
  /// less.
  public static var defaultThreadCount: Int {
    var count = Int(ir_available_processors())
    if let quota = controlGroupQuota() { count = min(count, quota) }
    return max(1, count)
  }

  /// The processors' worth of time that `cpu.max` of control groups version 2 grants, rounded up.
  private static func controlGroupQuota() -> Int? {
    guard let file = fopen("/sys/fs/cgroup/cpu.max", "r") else { return nil }
    defer { fclose(file) }
    var line = [CChar](repeating: 0, count: 64)
    guard fgets(&line, 64, file) != nil else { return nil }
    let text = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    let words = text.split(whereSeparator: { $0 == " " || $0 == "\n" }).map { Double($0) }
    guard words.count == 2, let quota = words[0], let period = words[1], period > 0 else { return nil }
    return max(1, Int((quota / period).rounded(.up)))
  }
}
