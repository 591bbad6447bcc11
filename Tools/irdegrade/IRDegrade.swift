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
    abstract: "Degrades clean photographs reproducibly, to make test sets.",
    usage: "irdegrade [options] -i IN ... -o FOLDER --tasks TASKS",
    discussion: """
      Each task gets a folder in the output folder, with one picture per input. The result, to the byte, depends only on \
      the seed, the task, the picture and the name of its file.

      TASKS
        noise25, noise0-55   Gaussian noise of this σ, or of a σ in this range, in 8-bit steps
        noise25q             the same, clipped and truncated to 8 bits
        camera               a camera's noise, at a random ISO
        camera100-3200       the same, at an ISO in this range
        cameranr, cameranr800-6400
                             the same of a camera that reduces noise itself
        rain                 rain streaks
        haze, haze0-0.1      haze, or haze of a thickness in this range
        motion, defocus      blur; motion5-15 is of that length, defocus1-3 of that radius
        lowlight             darkening
        jpeg10, jpeg10-40    JPEG of this quality, or of a quality in this range
        jpegfull90           JPEG with chroma at full resolution
        down4                reduced by 4 and enlarged again
        clean                none
        camera+jpeg90        several, in order

      \(HelpText.exitCodes([4: "some files failed"]))

      EXAMPLES
        irdegrade -i photographs -o degraded --tasks noise25,rain,haze
        irdegrade -i photographs -o dark --tasks lowlight+noise5-15 --seed 7
        irdegrade -i a.png -o out --tasks noise50 --format tif --depth 32f

      SEE ALSO
        irtrain eval (measures a model on such pictures), docs/training.md
      """, version: Version.text)
  static let oldSpellings: [OldSpelling] = [
    .value(of: ["--depth"], now: { ["uint8": "8", "uint16": "16", "float32": "32f"][$0] })
  ]

  @Option(
    name: [.customShort("i"), .long], parsing: .upToNextOption,
    help: "Clean photographs, or folders of them.",
    completion: .file())
  var input: [String]

  @Option(name: [.customShort("o"), .long], help: "Folder to write to.", completion: .directory)
  var output: String

  @Option(help: "Tasks, separated by commas.")
  var tasks: String

  @Option(help: .seed)
  var seed: UInt64 = 1

  @Option(
    help: ArgumentHelp(
      "Format to write, as an extension. Only tif with --depth 32f keeps values below black and above white.",
      valueName: "extension"))
  var format = "png"

  @Option(help: "Bits per sample; auto keeps the input's.")
  var depth = SampleDepth.bits8

  func validate() throws {
    guard !input.isEmpty else { throw ValidationError("--input names no photographs") }
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
