import Foundation
import IRCommandLine
import IRFiles
import IRGraph
import IRModels
import IRRuntime
import IRTensor
import IRTensorFiles

/// A network with settings from a file or by name.
struct NetworkSource {
  private(set) var network: any RestorationNetwork

  /// The network of this name; `config` is a JSON file, or the name of a preset.
  init(_ name: String, config: String?) throws {
    network = try Self.network(try NetworkCatalogue.network(name), config)
  }

  private static func network<N: RestorationNetwork>(_: N.Type, _ config: String?) throws -> N {
    guard let config, config.hasSuffix(".json") || FilePath(config).exists else {
      return try N.preset(config)
    }
    guard let bytes = try? FilePath(config).contents(atMost: 1 << 26) else {
      throw TensorFileError.file(path: config, reason: "cannot be read")
    }
    do { return N(try JSONDecoder().decode(N.Configuration.self, from: Data(bytes))) } catch let error
      as ModelError
    {
      throw error
    } catch let error as DecodingError {
      throw ModelError.configuration("\(config): \(Self.text(error))")
    }
  }

  static func text(_ error: DecodingError) -> String {
    switch error {
    case .typeMismatch(_, let context), .valueNotFound(_, let context), .keyNotFound(_, let context),
      .dataCorrupted(let context):
      let path = context.codingPath.map(\.stringValue).joined(separator: ".")
      return path.isEmpty ? context.debugDescription : "\(path): \(context.debugDescription)"
    @unknown default: return "\(error)"
    }
  }

  func sides(_ dims: Dimensions) -> (height: Int, width: Int) {
    switch dims {
    case .dynamic: network.sampleSides
    case .fixed(let sides): (sides.height, sides.width)
    }
  }

  /// The network's graph with weights of files, or fresh ones, and remarks on them.
  mutating func freeze(
    weights: [String], fresh: FreshWeights, seed: UInt64, shape: Shape, isReproducible: Bool
  ) throws -> (graph: Graph, notes: [String]) {
    var notes: [String] = []
    let tensors: [String: Tensor]
    if weights.isEmpty {
      let byteCount = try network.parameters().elementCount * 4
      if let available = AvailableMemory.byteCount, byteCount > available / 3 {
        throw ModelError.configuration(
          "these settings make parameters of \(byteCount >> 20) MiB, and \(available >> 20) MiB of memory are free"
        )
      }
      let parameters = try network.parameters()
      switch fresh {
      case .training:
        tensors = InitialWeights.fresh(parameters, seed: seed)
        notes.append("no --weights: they are random, from seed \(seed)")
      case .check:
        tensors = InitialWeights.check(parameters)
        notes.append("no --weights: they are random, made to check runtimes")
      }
    } else {
      let files = try weights.map { path in
        try TensorFile.readWeights(path).map { (name: $0.name, tensor: $0.tensor) }
      }
      network = network.adapted(to: files)
      let match = try network.match(files)
      tensors = match.weights
      notes += match.notes
    }
    var graph = try network.graph(weights: tensors, image: shape)
    graph.metadata = try metadata()
    if weights.isEmpty {
      graph.metadata["weights"] = fresh == .check ? "fresh, for comparing" : "fresh, seed \(seed)"
    } else if !isReproducible {
      graph.metadata["weights"] = try weights.map { path in
        let digest = try SHA256.hexadecimal(contentsOf: path)
        return "\(FilePath(path).name) sha256 \(digest)"
      }.joined(separator: ", ")
    }
    if !isReproducible { graph.metadata["exported"] = Date().formatted(.iso8601) }
    return (graph, notes)
  }

  private func configuration() throws -> String {
    let settings = network.settings
    return try JSONText.text(settings)
  }

  private func metadata() throws -> [String: String] {
    let card = network.card
    var result = [
      "network": network.name, "title": card.title, "paper": card.paper, "task": card.task,
      "colour": network.channelCount == 1 ? "grey" : "sRGB", "range": "0...1",
      "multiple": "\(network.multiple)", "licence": card.licence, "training data": card.trainingData,
      "published": card.published, "config": try configuration(),
    ]
    if !network.taskNames.isEmpty { result["tasks"] = network.taskNames.joined(separator: ", ") }
    return result
  }

  /// The text of `--card`.
  func card() throws -> String {
    let card = network.card
    let parameters = try network.parameters()
    let unused = parameters.filter { !$0.isUsed }
    var lines = [
      "network       \(card.title) (\(network.name))", "paper         \(card.paper)",
      "task          \(card.task)", "licence       \(card.licence)", "training      \(card.trainingData)",
      "published     \(card.published)", "settings      \(try configuration())",
      "presets       \(network.presetNames.joined(separator: ", "))",
      "multiple      sides must be multiples of \(network.multiple)",
      "parameters    \(parameters.elementCount) in \(parameters.count) tensors",
    ]
    if !unused.isEmpty {
      lines.append("unused        \(unused.elementCount) of them in \(unused.count) tensors are never read")
    }
    return lines.joined(separator: "\n")
  }

  /// One line on a graph that was written.
  func summary(_ graph: Graph) -> String {
    "\(network.card.title), \(graph.parameterCount) parameters, \(graph.nodeCount) nodes"
  }
}
