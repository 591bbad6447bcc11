/// The version of irkit, which every tool prints with `--version`.
package enum Version {
  package static let number = "0.1.0"
  /// The commit that the build is of, where a packager has put it here.
  package static let commit: String? = nil

  package static var text: String { "irkit \(number)" + (commit.map { " (\($0))" } ?? "") }
}
