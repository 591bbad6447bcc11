import Foundation
import IRFiles

/// Text for a person's screen. Names come from files of strangers, so what would steer a terminal is shown
/// instead of sent.
package enum Terminal {
  private static let lineLimit = 4000

  /// The tool's name as it was called, which begins its messages.
  package static let tool = FilePath(CommandLine.arguments.first ?? "irkit").name.text

  /// Writes lines to the error stream.
  package static func complain(_ text: String) { write(printable(text), to: .standardError) }
  /// Writes lines to the error stream that begin with the tool's name.
  package static func warn(_ text: String) { complain("\(tool): \(text)") }
  /// Writes lines to the standard output, at once.
  package static func say(_ text: String) { write(printable(text), to: .standardOutput) }
  /// Writes a value to the standard output as JSON: one line, or many for a person to read.
  package static func say(json value: some Encodable, isPretty: Bool = false) throws {
    write(try JSONText.text(value, isPretty: isPretty), to: .standardOutput)
  }

  private static func write(_ text: String, to file: FileHandle) {
    // A closed pipe does not stop the restoration of files.
    try? file.write(contentsOf: Data((text + "\n").utf8))
  }

  /// Whether a terminal would act on the character instead of showing it.
  static func steers(_ scalar: Unicode.Scalar) -> Bool {
    scalar.properties.generalCategory == .control || scalar.properties.isBidiControl
  }

  /// The text with control characters and bytes of paths that are not UTF-8 escaped, and overlong lines cut.
  package static func printable(_ text: String) -> String {
    text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
      var result = ""
      for scalar in line.unicodeScalars.prefix(lineLimit) {
        if let byte = FilePath.byte(spelledBy: scalar) {
          result += "\\x" + String(byte, radix: 16, uppercase: true)
        } else if scalar == "\t" || !steers(scalar) {
          result.unicodeScalars.append(scalar)
        } else {
          result += scalar.escaped(asASCII: true)
        }
      }
      return line.unicodeScalars.count > lineLimit ? result + "…" : result
    }
    .joined(separator: "\n")
  }
}
