import Foundation
import Testing

/// A folder in which pictures go through `irrun` with a model that gives them back as they are: what changes
/// is the files' doing. What is left of them is read by exiftool and libvips, from outside.
struct PictureFolder {
  let path: String
  private static let fixtures = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .appendingPathComponent("../Fixtures/pictures").standardizedFileURL.path

  static func with(_ body: (PictureFolder) throws -> Void) throws {
    try withFolder { folder in
      try writeIdentity("\(folder)/m.onnx")
      try body(PictureFolder(path: folder))
    }
  }

  /// The path of a picture that comes with the tests.
  static func fixture(_ name: String) -> String { "\(fixtures)/\(name)" }

  /// Runs on a picture of the fixtures, or of the folder where it begins with `./`.
  func restore(_ input: String, _ output: String, _ more: String...) throws -> Outcome {
    let source = input.hasPrefix("./") ? "\(path)/\(input.dropFirst(2))" : Self.fixture(input)
    return try run("irrun", ["-m", "\(path)/m.onnx", "-i", source, "-o", "\(path)/\(output)"] + more)
  }

  /// As `restore`, which must be well.
  @discardableResult
  func restored(_ input: String, _ output: String, _ more: String...) throws -> String {
    let source = input.hasPrefix("./") ? "\(path)/\(input.dropFirst(2))" : Self.fixture(input)
    let outcome = try run("irrun", ["-m", "\(path)/m.onnx", "-i", source, "-o", "\(path)/\(output)"] + more)
    #expect(outcome.code == 0, "\(input) -> \(output): \(outcome.errors)")
    return outcome.output
  }

  /// The values of tags as exiftool reads them, numbers as they are stored; all of them, a line each.
  func tags(_ file: String, _ names: String...) throws -> [String] {
    let text = try system(
      ["exiftool", "-a", "-s3", "-n", "-m"] + names.map { "-\($0)" } + [absolute(file)])
    return text.split(separator: "\n").map(String.init)
  }

  /// The bytes of a tag's value.
  func bytes(_ file: String, _ name: String) throws -> String {
    try system("bash", "-c", "exiftool -b -\(name) '\(absolute(file))' | sha256sum")
  }

  /// Everything that exiftool reads of a file.
  func everything(_ file: String) throws -> String {
    try system("exiftool", "-a", "-G1", "-s", "-n", "-m", absolute(file))
  }

  func absolute(_ file: String) -> String {
    file.hasPrefix("./") ? "\(path)/\(file.dropFirst(2))" : Self.fixture(file)
  }

  /// The largest difference of two pictures, by libvips, in steps of the second one's samples.
  func difference(_ a: String, _ b: String) throws -> Double {
    let line = "vips subtract '\(absolute(a))' '\(absolute(b))' d.v && vips abs d.v e.v && vips max e.v"
    return try #require(Double(try system("bash", "-c", line, at: path)))
  }

  func field(_ file: String, _ name: String) throws -> String {
    try system("vipsheader", "-f", name, absolute(file))
  }
}
