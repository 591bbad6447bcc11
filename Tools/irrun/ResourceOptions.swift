import ArgumentParser
import IRCommandLine

/// Threads as the ncnn tools count them: `4`, or `load:restore:save`, whose outer two say how many pictures
/// are read ahead and how many are written while the next is restored.
struct ThreadChoice: ExpressibleByArgument {
  var readAhead = 1
  var threads: Int?
  var writeBehind = 1

  init() {}

  init?(argument: String) {
    let parts = argument.split(separator: ":", omittingEmptySubsequences: false).map { Int($0) }
    guard parts.allSatisfy({ $0.map { (1...1024).contains($0) } ?? false }) else { return nil }
    switch parts.count {
    case 1: threads = parts[0]
    case 3: (readAhead, threads, writeBehind) = (parts[0] ?? 1, parts[1], parts[2] ?? 1)
    default: return nil
    }
  }
}

/// Threads and memory that a run may use.
struct ResourceOptions: ParsableArguments {
  @Option(
    name: [.customShort("j"), .customLong("threads")],
    help: ArgumentHelp(
      "Number of threads. (default: as many as the system grants)",
      discussion:
        "R:N:W also sets how many pictures are read ahead (R) and written behind (W). (default: 1 each)",
      valueName: "n"))
  var threadChoice: ThreadChoice?

  @OptionGroup var memory: MemoryOptions

  @Flag(
    inversion: .prefixedNo,
    help: ArgumentHelp(
      "If the picture does not fit in memory, store feature maps as float16 before falling back to blended tiles (error below one 8-bit step).",
      discussion: "It is on for pictures and off for files of tensors unless stated.")
  )
  var float16Storage: Bool?

  @OptionGroup var precision: PrecisionOptions

  @Option(name: .customShort("g"), parsing: .unconditional, help: .hidden)
  var gpu: String?

  var threads: ThreadChoice { threadChoice ?? ThreadChoice() }
}
