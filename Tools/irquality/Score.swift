import ArgumentParser
import Foundation
import IRCommandLine
import IRImage
import IRPipelines
import IRQuality
import IRRuntime
import IRTensorFiles
import ImageRestoration

struct Score: ParsableCommand {
  enum Metric: String, ExpressibleByArgument, CaseIterable {
    case niqe, piqe, musiq, brisqueFeatures = "brisque-features"
  }

  static let configuration = CommandConfiguration(
    abstract: "Scores pictures without a reference.",
    discussion: """
      irquality photo.png restored.png --by niqe,piqe

      niqe and piqe are better when lower, musiq when higher. NIQE's score belongs to a model of clean photographs, by \
      default the one fitted here to 400 photographs (Models/NIQE), and compares with scores of that model alone. \
      brisque-features are the 36 numbers that BRISQUE judges by. All reward sharpness: none says whether a detail is \
      true. Exit codes: 0, 2 usage, 3 a picture has no score or a model is refused, 4 a file cannot be read.
      """)

  @Argument(help: "Pictures.", completion: .file())
  var files: [String]

  @Option(help: "Metrics, separated by commas: niqe, piqe, musiq, brisque-features.")
  var by = "niqe,piqe"

  @Option(
    help: ArgumentHelp("NIQE's model of clean photographs.", valueName: "safetensors"), completion: .file())
  var model: String?

  @Option(help: ArgumentHelp("MUSIQ's weights (pyiqa's .pth).", valueName: "file"), completion: .file())
  var musiqWeights: String?

  @OptionGroup var threads: ThreadOptions

  @Flag(help: "Print one line of JSON for each picture.")
  var json = false

  private func metrics() throws -> [Metric] {
    try by.split(separator: ",").map { name in
      guard let metric = Metric(rawValue: String(name)) else {
        let known = Metric.allCases.map(\.rawValue).joined(separator: ", ")
        throw ValidationError("--by knows \(known), not \(name)")
      }
      return metric
    }
  }

  func validate() throws {
    guard try !metrics().contains(.musiq) || musiqWeights != nil else {
      throw ValidationError("musiq needs --musiq-weights: they are not part of the project")
    }
  }

  func run() throws {
    let metrics = try metrics()
    let niqe = try metrics.contains(.niqe) ? NIQE(naturalPictures()) : nil
    let musiq = try musiqWeights.map(musiqScore)
    var code: ExitCode?
    for file in files {
      let image: Image
      do { image = try ImageFile.read(file) } catch {
        code = fail("\(error)", code: .someFailed)
        continue
      }
      var scores: [(name: String, values: [Double])] = []
      for metric in metrics {
        do {
          switch metric {
          case .niqe: scores.append((metric.rawValue, [try niqe?.score(image) ?? .nan]))
          case .piqe: scores.append((metric.rawValue, [try PIQE.score(image)]))
          case .musiq: scores.append((metric.rawValue, [try musiq?.score(image) ?? .nan]))
          case .brisqueFeatures: scores.append((metric.rawValue, try BRISQUE.features(image)))
          }
        } catch {
          // A file that cannot be read outweighs a picture without a score.
          let found = fail("\(file): \(metric.rawValue): \(error)", code: .rejected)
          code = code ?? found
        }
      }
      try report(file, scores)
    }
    if let code { throw code }
  }

  private func naturalPictures() throws -> NaturalPictures {
    guard let path = model ?? ModelCatalogue.folder.map({ "\($0)/NIQE/niqe-bsd400.safetensors" }) else {
      throw fail("the folder Models is not found: say --model", code: .someFailed)
    }
    do { return try NaturalPictures(contentsOf: path) } catch let error as QualityError {
      throw fail("\(path): \(error)", code: .rejected)
    } catch { throw fail("\(error)", code: .someFailed) }
  }

  private func musiqScore(_ path: String) throws -> MUSIQScore {
    do {
      return try MUSIQScore(contentsOf: path, options: RuntimeOptions(threadCount: threads.count))
    } catch let error as TensorFileError { throw fail("\(error)", code: .someFailed) } catch {
      throw fail("\(path): \(error)", code: .rejected)
    }
  }

  private func report(_ file: String, _ scores: [(name: String, values: [Double])]) throws {
    if json {
      struct Line: Encodable {
        var file: String
        var scores: [String: [Double]]
      }
      try Terminal.say(
        json: Line(
          file: file,
          scores: Dictionary(scores.map { ($0.name, $0.values) }, uniquingKeysWith: { first, _ in first })))
    } else {
      let texts = scores.map { score in
        "\(score.name) \(score.values.map { String(format: "%.3f", $0) }.joined(separator: " "))"
      }
      Terminal.say("\(file): \(texts.joined(separator: ", "))")
    }
  }
}
