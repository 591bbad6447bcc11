import ArgumentParser
import Foundation
import IRCommandLine
import IRFiles
import IRImage
import IRQuality

struct Fit: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Fits NIQE's statistics of natural pictures to clean photographs.",
    usage: "irquality fit -i FOLDER -o FILE",
    discussion: """
      From every photograph, the fit takes the blocks of 96×96 pixels with more than 0.75 of the sharpness of the \
      sharpest block. The same photographs give the same file.

      \(HelpText.exitCodes([3: "the photographs have too few blocks", 4: "a file cannot be read or written"]))

      EXAMPLES
        irquality fit -i photographs -o natural.safetensors
        irquality score photo.png --by niqe --model natural.safetensors
      """)

  @Option(name: .shortAndLong, help: "Folder of clean photographs.", completion: .directory)
  var input: String

  @Option(
    name: .shortAndLong, help: ArgumentHelp("File to write.", valueName: "safetensors"),
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
