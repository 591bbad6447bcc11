import ArgumentParser
import IRRuntime

/// How many threads a tool uses.
package struct ThreadOptions: ParsableArguments {
  @Option(
    name: [.customShort("j"), .customLong("threads")],
    help: ArgumentHelp("Number of threads. (default: as many as the system grants)", valueName: "n"))
  package var threads: Int?

  package init() {}

  package func validate() throws {
    if let threads, threads < 1 { throw ValidationError("--threads is \(threads), must be at least 1") }
  }

  package var count: Int { threads ?? RuntimeOptions.defaultThreadCount }
}
