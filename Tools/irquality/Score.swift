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
    usage: "irquality [score] [options] PICTURE ...",
    discussion: """
      METRICS
        niqe              distance from the statistics of natural pictures; lower is better
        piqe              visible distortion of blocks, 0 to 100; lower is better
        musiq             opinion score predicted by a network; higher is better
        brisque-features  the 36 features of BRISQUE

      Scores of NIQE compare only if they use the same statistics (--model). All metrics reward sharpness; none can tell \
      whether a detail is true.

      \(HelpText.exitCodes([3: "a picture has no score, or a model was rejected", 4: "a file cannot be read"]))

      EXAMPLES
        irquality photo.png restored.png --by niqe,piqe
        irquality *.png --by musiq --musiq-weights musiq_koniq_ckpt.pth --json
      """)

  @Argument(help: ArgumentHelp("Pictures to score.", valueName: "picture"), completion: .file())
  var files: [String]

  @Option(help: "Metrics, separated by commas.")
  var by = "niqe,piqe"

  @Option(
    help: ArgumentHelp(
      "Statistics for NIQE, made by irquality fit. (default: the installed ones, of 400 photographs)",
      valueName: "safetensors"), completion: .file())
  var model: String?

  @Option(
    help: ArgumentHelp("Weights of MUSIQ (the .pth file of pyiqa).", valueName: "file"), completion: .file())
  var musiqWeights: String?

  @OptionGroup var threads: ThreadOptions

  @Flag(help: "Print one line of JSON per picture.")
  var json = false

  private func metrics() throws -> [Metric] {
    try by.split(separator: ",").map { name in
      guard let metric = Metric(rawValue: String(name)) else {
        let known = Metric.allCases.map(\.rawValue).joined(separator: ", ")
        throw ValidationError("--by is \(name), must be one of \(known)")
      }
      return metric
    }
  }

  func validate() throws {
    guard try !metrics().contains(.musiq) || musiqWeights != nil else {
      throw ValidationError("musiq needs --musiq-weights: irkit does not include them")
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
      throw fail("no statistics for NIQE are installed: name a file with --model", code: .someFailed)
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
