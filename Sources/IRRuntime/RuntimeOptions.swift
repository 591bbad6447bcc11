import CIRKernels
import CIROperators
import Glibc
import IRTensor

/// Threads, memory and precision of a run.
public struct RuntimeOptions: Sendable {
  /// The number of threads.
  public var threadCount: Int
  /// The memory limit in bytes; nil: three quarters of the free memory.
  public var memoryByteCount: Int?

  /// Whether feature maps may be stored as float16 if a program would exceed the memory limit and exact tiles
  /// are not possible.
  public var allowsFloat16Storage: Bool

  /// The precision of matrix products.
  public var precision: Precision

  /// Called before each step of a program with the number of finished steps and of all steps, and with the
  /// same numbers once in some ten milliseconds of a longer step, on the thread that runs the program. If it
  /// returns false, the run ends with `RuntimeError.cancelled`.
  public var monitor: (@Sendable (_ done: Int, _ count: Int) -> Bool)?

  public init(
    threadCount: Int = RuntimeOptions.defaultThreadCount, memoryByteCount: Int? = nil,
    allowsFloat16Storage: Bool = false, precision: Precision = .float32,
    monitor: (@Sendable (_ done: Int, _ count: Int) -> Bool)? = nil
  ) {
    self.threadCount = max(1, threadCount)
    self.memoryByteCount = memoryByteCount
    self.allowsFloat16Storage = allowsFloat16Storage
    self.precision = precision
    self.monitor = monitor
  }

  /// bfloat16 if the processor multiplies it, else float32.
  public static var fastestPrecision: Precision {
    ir_kernels().pointee.has_bfloat16 ? .bfloat16 : .float32
  }

  /// The limit that holds now.
  package var memoryLimit: Int { memoryByteCount ?? AvailableMemory.byteCount.map { $0 / 4 * 3 } ?? .max }

  /// The number of processors that the process may use, by its affinity and its control groups' quotas.
  public static var defaultThreadCount: Int {
    var count = Int(ir_available_processors())
    if let quota = controlGroupQuota() { count = min(count, quota) }
    return max(1, count)
  }

  /// The processors' worth of time that the process' control groups grant, rounded up: the least of its own
  /// and of those that it lies in, `cpu.max` of version 2 and `cpu.cfs_quota_us` of version 1.
  private static func controlGroupQuota() -> Int? {
    let unified = ControlGroup.folders("", under: ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"]).map {
      folder in
      (SystemFile.lines("\(folder)/cpu.max").first ?? "").split(separator: " ").map { Double($0) }
    }
    let first = ControlGroup.folders("cpu", under: ["/sys/fs/cgroup/cpu", "/sys/fs/cgroup/cpu,cpuacct"]).map {
      folder in
      ["cpu.cfs_quota_us", "cpu.cfs_period_us"].map {
        SystemFile.lines("\(folder)/\($0)").first.flatMap { Double($0) }
      }
    }
    return (unified + first).compactMap { words in
      guard words.count == 2, let quota = words[0], let period = words[1], quota > 0, period > 0 else {
        return nil
      }
      return max(1, Int((quota / period).rounded(.up)))
    }.min()
  }
}
