/// The version of irkit, which every tool prints with `--version`.
package enum Version {
  package static let number = "0.1.0"
  /// Git writes the commit here when it archives the sources, as for packages and tarballs of a release.
  private static let archived = "$Format:%H$"

  /// The commit that the build is of; nil in a checkout, whose commit git knows.
  package static var commit: String? { archived.hasPrefix("$") ? nil : String(archived.prefix(12)) }

  package static var text: String { "irkit \(number)" + (commit.map { " (\($0))" } ?? "") }
}
