import Foundation
import IRCommandLine
import IRCompiler
import IRFiles
import IRGraph
import IRONNX
import IRRestorers
import IRTensor
import IRTensorFiles

/// A model file as a package for darktable.
struct DarktableExport {
  let options: IRExport
  private var tile: Int { options.tile ?? 512 }

  func run() throws {
    guard let output = options.output else { return }
    let source = try ModelSource(options.source)
    let restorer = try RestorationModel(source.model, path: source.path)
    let graph = try graph(of: restorer)
    var statements = Dictionary(
      source.model.metadata.map { ($0.key, $0.value) }, uniquingKeysWith: { first, _ in first })
    statements.merge(Export(options: options).given) { $1 }
    var model = try ONNXModel(graph, opset: options.opset ?? 20, openSizes: [:])
    if options.halfWeights { model = model.storingHalfWeights().0 }
    (model.producerName, model.docString) = ("irkit", source.model.docString)
    model.metadata = statements.sorted { $0.key < $1.key }.map { ONNXProperty($0.key, $0.value) }
    let task: DarktablePackage.Task = restorer.scale == 1 ? .denoise : .upscale
    let path = try package(output, task)
    let configuration = configuration(
      id: FilePath(path).name.stem.text, task, inputCount: graph.inputs.count, statements)
    try DarktablePackage.write(try model.serialized(), scale: restorer.scale, configuration, to: path)
    try DarktablePackage.Versions.note(configuration, package: path)
    Terminal.say(
      "\(path): \(configuration.id) \(configuration.version), tiles of \(tile)×\(tile), operator set \(model.opset)"
    )
  }

  /// The network as darktable calls it: a picture `[1, 3, tile, tile]` in 0...1, and a map of the noise level
  /// where it takes one.
  private func graph(of restorer: RestorationModel) throws -> Graph {
    func refusal(_ detail: String) -> RestorerRefusal {
      RestorerRefusal("\(restorer.path): darktable cannot run it: \(detail)")
    }
    guard restorer.channelCount == 3, restorer.output.channelCount == 3 else {
      throw refusal("it does not restore pictures of three channels")
    }
    guard [1, 2, 4].contains(restorer.scale) else {
      throw refusal("it enlarges \(restorer.scale) times, not 2 or 4")
    }
    guard restorer.choices.count <= 1 || restorer.isOutputNamed else {
      throw refusal("\(restorer.choices.count) of its outputs may be the picture: export one of them alone")
    }
    guard restorer.pictures.isEmpty else { throw refusal("it takes several pictures") }
    let (height, width) = restorer.fixedSides
    guard (height ?? tile) == tile, (width ?? tile) == tile else {
      throw refusal("its picture has \(height ?? tile)×\(width ?? tile) pixels: state that with --tile")
    }
    let seen = tile + restorer.padding.before + restorer.padding.after
    guard height != nil || seen % restorer.sides.multiple == restorer.sides.remainder else {
      throw refusal("its sides are multiples of \(restorer.sides.multiple): state one with --tile")
    }
    var graph = try Rewriter().reduced(try restorer.graph(height: tile, width: tile))
    // Inputs are given by their place: the picture first.
    let isPicture = { [graph] (input: ValueID) in graph[input].name == restorer.image.name }
    graph.inputs = graph.inputs.filter(isPicture) + graph.inputs.filter { !isPicture($0) }
    let others = graph.inputs.map { graph[$0] }.filter { $0.name != restorer.image.name }
    guard others.allSatisfy({ $0.type == TensorType(.float32, [1, 1, tile, tile]) }) else {
      throw refusal(
        "it takes \(others.map { "\($0.name) \($0.type)" }.joined(separator: ", ")) beside the picture")
    }
    return graph
  }

  private func package(_ output: String, _ task: DarktablePackage.Task) throws -> String {
    guard output.hasSuffix("/") || FilePath(output).isFolder == true else { return output }
    let folder = output.hasSuffix("/") ? String(output.dropLast()) : output
    do { try Folder.make(FilePath(output)) } catch {
      throw TensorFileError.file(path: output, reason: error.reason)
    }
    let name = FilePath(options.source).name.stem.text
    let id = name.hasPrefix(task.rawValue) ? name : "\(task.rawValue)-\(name)"
    return "\(folder)/\(id).\(DarktablePackage.suffix)"
  }

  private func configuration(
    id: String, _ task: DarktablePackage.Task, inputCount: Int, _ statements: [String: String]
  ) -> DarktablePackage.Configuration {
    let (title, words) = (statements["title"] ?? id, statements[RestorerMetadata.Key.task] ?? "")
    let licence = statements[RestorerMetadata.Key.licence] ?? ""
    return DarktablePackage.Configuration(
      id: id, name: title, description: words.isEmpty ? title : words, task: task,
      arch: statements["network"] ?? "unknown", inputCount: inputCount,
      version: statements["version"] ?? "1.0", tileSize: tile,
      card: DarktablePackage.Configuration.Card(
        description: words.isEmpty ? title : words, scope: "restoration of single pictures",
        author: statements["author"] ?? "", paper: statements["paper"] ?? "", licence: licence,
        trainingData: statements["training data"] ?? "", notes: statements["published"] ?? ""))
  }
}
