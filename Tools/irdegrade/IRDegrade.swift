import ArgumentParser
import Foundation
import IRCommandLine
import IRDegradation
import IRFiles
import IRImage

@main
struct IRDegrade: Tool {
  static let configuration = CommandConfiguration(
    commandName: "irdegrade",
    abstract: "Makes test sets: degrades clean photographs, the same way for the same seed.",
    discussion: """
      Each task gets a folder of its own in the output folder, with a picture for every input. What happens to a \
      picture depends only on the seed, the task and the name of the file, and so do the bytes written.

      Tasks: \(grammar).

      Exit codes: 0, 2 usage, 4 some file failed.

      EXAMPLES
        irdegrade -i photographs -o degraded --tasks noise25,rain,haze,lowlight+noise5-15
      """, version: Version.text)
  static let oldSpellings: [OldSpelling] = [
    .value(of: ["--depth"], now: { ["uint8": "8", "uint16": "16", "float32": "32f"][$0] })
  ]

  private static let grammar = """
    noise25 (σ in 8-bit steps), noise0-55, noise25q (clipped and truncated to 8 bits), camera or camera100-3200 (a \
    camera's noise, at an ISO), rain, haze, haze0-0.1 (thin), motion, defocus, lowlight, jpeg10, jpeg10-40, \
    jpegfull90 (chroma at full size), down4, clean, and compositions with +, in order (camera+jpeg90)
    """

  @Option(
    name: [.customShort("i"), .long], parsing: .upToNextOption, help: "Photographs, or folders of them.",
    completion: .file())
  var input: [String]

  @Option(name: [.customShort("o"), .long], help: "The folder to write to.", completion: .directory)
  var output: String

  @Option(help: "Degradations, separated by commas.")
  var tasks: String

  @Option(help: "The seed of everything random.")
  var seed: UInt64 = 1

  @Option(
    help: ArgumentHelp(
      "Format to write, as an extension. Noise below black and above white survives only in tif with --depth 32f.",
      valueName: "extension"))
  var format = "png"

  @Option(help: "Bits of a sample.")
  var depth = SampleDepth.bits8

  func validate() throws {
    guard !input.isEmpty else { throw ValidationError("no --input") }
    guard ImageFile.writableExtensions.contains(format) else {
      throw ValidationError(
        "--format is \(format), must be one of \(ImageFile.writableExtensions.joined(separator: ", "))")
    }
    do { _ = try degradations() } catch { throw ValidationError("--tasks: \(error)") }
  }

  func run() throws {
    let paths = try inputs()
    var failures = 0
    let progress = ProgressLine()
    for degradation in try degradations() {
      let folder = "\(output)/\(degradation.name)"
      try Folder.make(FilePath(folder))
      let begin = Date()
      for (index, path) in paths.enumerated() {
        do { try degrade(path, degradation, folder) } catch {
          progress.clear()
          Terminal.warn("\(error)")
          failures += 1
        }
        progress.show("\(degradation.name):", done: index + 1, of: paths.count, since: begin)
      }
    }
    progress.clear()
    guard failures == 0 else {
      Terminal.warn("\(failures) files failed")
      throw ExitCode.someFailed
    }
  }

  static func exitCode(of error: any Error) -> ExitCode { .someFailed }

  /// The photographs that `--input` names, which must have different names.
  private func inputs() throws -> [String] {
    var paths: [String] = []
    for entry in input {
      if let pictures = PhotographFolder.pictures(in: entry) {
        guard !pictures.isEmpty else { throw ValidationError("\(entry): no pictures in this folder") }
        paths += pictures
      } else {
        guard FilePath(entry).exists else {
          throw ValidationError("\(entry): no such file or folder")
        }
        paths.append(entry)
      }
    }
    var owner: [FilePath: String] = [:]
    for path in paths {
      if let other = owner.updateValue(path, forKey: FilePath(Self.stem(path))) {
        throw ValidationError("\(other) and \(path) would both be written to \(Self.stem(path)).\(format)")
      }
    }
    return paths
  }

  private func degradations() throws -> [Degradation] {
    try tasks.split(separator: ",").map { try Degradation(String($0)) }
  }

  private func degrade(_ path: String, _ degradation: Degradation, _ folder: String) throws {
    let image = try ImageFile.read(path)
    let stem = Self.stem(path)
    let degraded = degradation.applied(to: image, seed: Degradation.seed(seed, forFile: stem))
    try ImageFile.write(
      degraded, to: "\(folder)/\(stem).\(format)", options: .init(sampleFormat: depth.sampleFormat))
  }

  private static func stem(_ path: String) -> String { FilePath(path).name.stem.text }
}
