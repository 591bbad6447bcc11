import ArgumentParser
import Foundation
import IRGraph
import IRModels
import IRONNX

/// Runs the command; ArgumentParser's code for wrong usage becomes the documented 2.
@main
enum Main {
  static func main() {
    do {
      var command = try IRExport.parseAsRoot()
      try command.run()
    } catch {
      guard IRExport.exitCode(for: error) == .validationFailure else { IRExport.exit(withError: error) }
      FileHandle.standardError.write(Data((IRExport.fullMessage(for: error) + "\n").utf8))
      Foundation.exit(2)
    }
  }
}

struct IRExport: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "irexport",
    abstract: "Freezes a network with its weights into an ONNX file.",
    discussion: """
      NETWORK is one of \(NetworkCatalogue.networks.map { $0.name }.joined(separator: ", ")).
      The file is plain ONNX in standard operators, sizes open unless --dims fixes them. Weights keep the names \
      of the official checkpoints; prefixes such as "module." or "params." are found and left out. Without \
      --weights they are fresh, from --seed: the network of the right cost, not a trained one.

        irexport symunet --weights symunet.safetensors -o symunet.onnx
        irexport nafnet --config sidd-64 --dims 256x256 -o nafnet.onnx

      Exit codes: 0, 2 usage, 3 settings or weights were refused, 4 a file could not be read or written.
      """)

  @Argument(help: "The network.")
  var network: String

  @Option(
    name: .shortAndLong,
    help: ArgumentHelp(
      "A JSON file of the official constructor's arguments, or a name of settings.", valueName: "file|name"))
  var config: String?

  @Option(
    name: .shortAndLong,
    help: ArgumentHelp(
      "Weights (.safetensors, .npz); several files add up.", valueName: "file"))
  var weights: [String] = []

  @Option(help: "Where fresh weights begin.")
  var seed: UInt64 = 0

  @Option(name: .shortAndLong, help: ArgumentHelp("The file to write.", valueName: "onnx"))
  var output: String?

  @Option(help: "HxW fixes the sides; dynamic leaves them open.")
  var dims = Dimensions.dynamic

  @Option(help: "Pictures in one run.")
  var batch = 1

  @Option(help: "The operator set to write.")
  var opset: Int64 = 18

  @Flag(help: "Put large weights into a second file, <onnx>.data.")
  var external = false

  @Flag(help: "Print the network's card, settings and parameters; writes nothing without -o.")
  var card = false

  func validate() throws {
    guard card || output != nil else { throw ValidationError("-o is missing: where is the file to go?") }
    guard (1...64).contains(batch) else { throw ValidationError("--batch is \(batch), must be 1 to 64") }
    guard ONNXModel.writableOpsets.contains(opset) else {
      let (first, last) = (ONNXModel.writableOpsets.lowerBound, ONNXModel.writableOpsets.upperBound)
      throw ValidationError("--opset is \(opset), must be \(first) to \(last)")
    }
  }

  func run() throws {
    do { try export() } catch let error as ValidationError { throw error } catch {
      FileHandle.standardError.write(Data("irexport: \(error)\n".utf8))
      throw ExitCode(error is ModelError || error is GraphError ? 3 : 4)
    }
  }

  private func export() throws {
    let source = try NetworkSource(network, config: config)
    if card { print(try source.card()) }
    guard let output else { return }
    let sides = source.sides(dims)
    let frozen = try source.freeze(
      weights: weights, seed: seed, shape: [batch, source.network.channelCount, sides.height, sides.width])
    for note in frozen.notes { FileHandle.standardError.write(Data("irexport: \(note)\n".utf8)) }
    let open: [String: [Int: String]] = dims == .dynamic ? ["image": [2: "H", 3: "W"]] : [:]
    let model = try ONNXModel(frozen.graph, opset: opset, openSizes: open)
    try model.write(to: output, options: .init(isExternal: external))
    print("\(output): \(source.summary(frozen.graph)), operator set \(opset)")
  }
}

/// Sides of pictures: open, or fixed.
enum Dimensions: ExpressibleByArgument, Hashable {
  case dynamic
  case fixed(height: Int, width: Int)

  init?(argument: String) {
    if argument == "dynamic" { self = .dynamic; return }
    let sides = argument.lowercased().split(separator: "x", omittingEmptySubsequences: false).map { Int($0) }
    guard sides.count == 2, let height = sides[0], let width = sides[1], (1...65536).contains(height),
      (1...65536).contains(width)
    else { return nil }
    self = .fixed(height: height, width: width)
  }

  var defaultValueDescription: String {
    switch self {
    case .dynamic: "dynamic"
    case .fixed(let height, let width): "\(height)x\(width)"
    }
  }
}
