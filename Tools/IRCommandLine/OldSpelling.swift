/// A spelling of the last version: it is accepted, said once, and not documented.
package enum OldSpelling: Sendable {
  /// An option or flag that has another name now.
  case option(String, now: String)
  /// A flag whose name is an option's now: without a value that the option takes it is the flag still.
  case flag(String, now: String, unlessBefore: @Sendable (String) -> Bool)
  /// A value of an option that is written otherwise now; nil if it is not an old one.
  case value(of: Set<String>, now: @Sendable (String) -> String?)
}

extension [OldSpelling] {
  /// The arguments as they are written now, and a sentence for each that was not.
  package func rewrite(_ arguments: [String]) -> (arguments: [String], notes: [String]) {
    var result: [String] = []
    var notes: [String] = []
    func note(_ old: String, _ new: String) { notes.append("\(old) is now written \(new)") }
    let end = arguments.firstIndex(of: "--") ?? arguments.endIndex
    for (index, argument) in arguments.enumerated() {
      let next = index + 1 < end ? arguments[index + 1] : nil
      let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(
        String.init)
      var new = argument
      for spelling in index < end ? self : [] {
        switch spelling {
        case .option(let old, let now):
          if parts.first == old { new = ([now] + parts.dropFirst()).joined(separator: "=") }
        case .flag(let old, let now, let isValue):
          if argument == old, !(next.map(isValue) ?? false) { new = now }
        case .value(let options, let now):
          if parts.count == 2, options.contains(parts[0]), let value = now(parts[1]) {
            new = "\(parts[0])=\(value)"
          } else if index > 0, options.contains(arguments[index - 1]), let value = now(argument) {
            new = value
          }
        }
      }
      if new != argument { note(argument, new) }
      result.append(new)
    }
    return (result, notes)
  }
}
