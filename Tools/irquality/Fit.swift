import ArgumentParser
import Foundation
import IRCommandLine
import IRFiles
import IRImage
import IRQuality

struct Fit: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Fits NIQE's Gaussian to clean photographs.",
    discussion: """
      irquality fit -i photographs -o natural.safetensors

      Of every photograph the blocks of 96×96 pixels whose sharpness is above 0.75 of its sharpest one's are taken. \
      Files are read in the order of their names: the same photographs give the same file. \
      Exit codes: 0, 2 usage, 3 too few blocks, 4 a file cannot be read or written.
      """)

  @Option(name: .shortAndLong, help: "A folder of clean photographs.", completion: .directory)
  var input: String

  @Option(
    name: .shortAndLong, help: ArgumentHelp("The file to write.", valueName: "safetensors"),
    completion: .file())
  var output: String

  func run() throws {
    guard let names = try? Folder.names(in: FilePath(input)) else {
      throw fail("\(input): the folder cannot be read", code: .someFailed)
    }
    var fit = NaturalPictures.Fit()
    var count = 0
    for name in names where !name.isHidden {
      let image: Image
      do { image = try ImageFile.read("\(input)/\(name)") } catch {
        Terminal.warn("\(error), left out")
        continue
      }
      do { try fit.add(image) } catch {
        Terminal.warn("\(name): \(error), left out")
        continue
      }
      count += 1
    }
    do {
      try fit.result().write(to: output)
    } catch let error as QualityError { throw fail("\(error)", code: .rejected) } catch {
      throw fail("\(error)", code: .someFailed)
    }
    Terminal.say("\(output): \(fit.blockCount) blocks of \(count) photographs")
  }
}
