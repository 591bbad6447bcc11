import IRRuntime

/// How much of the machine a restorer may use, and whether it says where the time went.
public struct RestorerOptions: Sendable {
  public var threadCount: Int
  /// The most bytes that the process may take; nil is three quarters of what the system has left.
  public var memoryByteCount: Int?
  /// Whether results say how long each step took.
  public var isProfiled: Bool

  public init(threadCount: Int? = nil, memoryByteCount: Int? = nil, isProfiled: Bool = false) {
    self.threadCount = max(1, threadCount ?? RuntimeOptions.defaultThreadCount)
    self.memoryByteCount = memoryByteCount
    self.isProfiled = isProfiled
  }

  var runtime: RuntimeOptions {
    RuntimeOptions(threadCount: threadCount, memoryByteCount: memoryByteCount)
  }
}
