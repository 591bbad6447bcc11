import ArgumentParser
import Foundation
import IRDegradation
import IRImage
import IRTraining

/// Runs the command; ArgumentParser's code for wrong usage becomes the documented 2.
@main
enum Main {
  static func main() {
    do {
      var command = try IRDegrade.parseAsRoot()
      try command.run()
    } catch {
      guard IRDegrade.exitCode(for: error) == .validationFailure else { IRDegrade.exit(withError: error) }
      complain(IRDegrade.fullMessage(for: error))
      Foundation.exit(2)
    }
  }
}

private func complain(_ text: String) { FileHandle.standardError.write(Data((text + "\n").utf8)) }

struct IRDegrade: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "irdegrade",
    abstract: "Makes test sets: spoils clean photographs, the same way for the same seed.",
    discussion: """
      irdegrade -i photographs -o spoiled --tasks noise25,rain,haze,lowlight+noise5-15

      Each task gets a folder of its own below --output with a picture for every input. What happens to a picture \
      depends on the seed, the task and the file's name alone, and the bytes written on nothing else. \
      Tasks: \(grammar). Exit codes: 0, 2 usage, 4 some file failed.
      """)

  private static let grammar = """
    noise25 (σ in 8-bit steps), noise0-55, noise25q (clipped and truncated to 8 bits), camera or camera100-3200 (a \
    camera's noise, at an ISO), rain, haze, haze0-0.1 (thin), motion, defocus, lowlight, jpeg10, jpeg10-40, \
    jpegfull90 (chroma at full size), down4, clean, and compositions with +, in order (camera+jpeg90)
    """

  @Option(
    name: [.customShort("i"), .long], parsing: .upToNextOption, help: "Photographs, or folders of them.")
  var input: [String]

  @Option(name: [.customShort("o"), .long], help: "A folder for the spoiled pictures.")
  var output: String

  @Option(help: "Degradations, separated by commas.")
  var tasks: String

  @Option(help: "What all that is random follows from.")
  var seed: UInt64 = 1

  @Option(
    help: "png, tif, …; floating-point noise beyond black and white survives in tif --depth float32 only.")
  var format = "png"

  @Option(help: "Bits of a sample: uint8, uint16, float32.")
  var depth = Depth.uint8

  enum Depth: String, ExpressibleByArgument, CaseIterable {
    case uint8, uint16, float32
    var sampleFormat: Image.SampleFormat {
      switch self {
      case .uint8: .uint8
      case .uint16: .uint16
      case .float32: .float32
      }
    }
  }

  func validate() throws {
    guard !input.isEmpty else { throw ValidationError("no --input") }
    guard ImageFile.writableExtensions.contains(format) else {
      throw ValidationError(
        "--format is \(format), must be one of \(ImageFile.writableExtensions.joined(separator: ", "))")
    }
    do { _ = try degradations() } catch { throw ValidationError("--tasks: \(error)") }
  }

  func run() throws {
    var paths: [String] = []
    for entry in input {
      var isFolder: ObjCBool = false
      guard FileManager.default.fileExists(atPath: entry, isDirectory: &isFolder) else {
        throw ValidationError("\(entry): no such file or folder")
      }
      do { paths += isFolder.boolValue ? try ImageSet.images(in: entry) : [entry] } catch {
        throw ValidationError("\(error)")
      }
    }
    try checkNames(paths)
    var failures = 0
    for degradation in try degradations() {
      let folder = (output as NSString).appendingPathComponent(degradation.name)
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
      for (index, path) in paths.enumerated() {
        do { try spoil(path, degradation, folder) } catch {
          complain("irdegrade: \(error)")
          failures += 1
        }
        show("\(degradation.name): \(index + 1)/\(paths.count)")
      }
    }
    show(nil)
    guard failures == 0 else {
      complain("irdegrade: \(failures) files failed")
      throw ExitCode(4)
    }
  }

  private func degradations() throws -> [Degradation] {
    try tasks.split(separator: ",").map { try Degradation(String($0)) }
  }

  private func spoil(_ path: String, _ degradation: Degradation, _ folder: String) throws {
    let image = try ImageFile.read(path)
    let stem = Self.stem(path)
    let spoiled = degradation.applied(to: image, seed: Degradation.seed(seed, forFile: stem))
    try ImageFile.write(
      spoiled, to: "\(folder)/\(stem).\(format)", options: .init(sampleFormat: depth.sampleFormat))
  }

  private func checkNames(_ paths: [String]) throws {
    var owner: [String: String] = [:]
    for path in paths {
      if let other = owner.updateValue(path, forKey: Self.stem(path)) {
        throw ValidationError("\(other) and \(path) would both be written to \(Self.stem(path)).\(format)")
      }
    }
  }

  private static func stem(_ path: String) -> String {
    ((path as NSString).lastPathComponent as NSString).deletingPathExtension
  }

  private func show(_ text: String?) {
    guard isatty(STDERR_FILENO) == 1 else { return }
    FileHandle.standardError.write(Data(("\u{1B}[2K\r" + (text ?? "")).utf8))
  }
}
