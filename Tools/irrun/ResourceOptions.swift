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
      "Number of threads; by default as many as the system grants.",
      discussion: "n:n:n also says how many pictures are read ahead and how many are written meanwhile.",
      valueName: "n"))
  var threadChoice: ThreadChoice?

  @OptionGroup var memory: MemoryOptions

  @Flag(
    inversion: .prefixedNo,
    help: ArgumentHelp(
      "If a program does not fit in memory, store feature maps as float16 (error below one 8-bit step).",
      discussion:
        "By default so for pictures before they are restored in blended tiles, and not for files of tensors.")
  )
  var float16Storage: Bool?

  @OptionGroup var precision: PrecisionOptions

  @Option(name: .customShort("g"), parsing: .unconditional, help: .hidden)
  var gpu: String?

  var threads: ThreadChoice { threadChoice ?? ThreadChoice() }
}
