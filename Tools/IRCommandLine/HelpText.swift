import ArgumentParser

/// Words that the help pages of all tools have in common.
package enum HelpText {
  /// The section of exit codes: the tool's own ones, in order, between those that all tools have.
  package static func exitCodes(_ codes: KeyValuePairs<Int, String>, success: String = "success") -> String {
    let own = codes.map { line("\($0.key)", $0.value) }
    let signals = line("129, 130, 143", "ended by a closed terminal, an interrupt (Ctrl-C) or kill")
    return (["EXIT CODES", line("0", success), line("2", "wrong usage")] + own + [signals])
      .joined(separator: "\n")
  }

  private static func line(_ code: String, _ meaning: String) -> String {
    "  \(code)\(String(repeating: " ", count: max(1, 15 - code.count)))\(meaning)"
  }
}

extension ArgumentHelp {
  /// The argument that names a model.
  package static var model: ArgumentHelp { "A model file (.onnx), or the name of an installed model." }
  /// A flag for programs that read the output.
  package static var json: ArgumentHelp { "Print JSON instead of text." }
  /// A seed of a tool whose output depends on nothing else that is random.
  package static var seed: ArgumentHelp { "Seed of all random numbers." }
}
