import ArgumentParser
import Foundation
import IRFiles
import IRONNX
import IRRuntime
import ImageRestoration

/// What `irrun` answers without writing pictures.
struct Questions: ParsableArguments {
  @Flag(help: "List the models in Models: task, licence, size, and whether each file is the one published.")
  var models = false

  @Flag(help: "Say what the model's routers hold wrong with each picture of -i; needs no -o.")
  var explain = false

  var isAsked: Bool { models || explain }

  /// Answers on the standard output.
  func answer(model: String, images: [String], multiple: Int?, options: RuntimeOptions) throws {
    if models { try listModels() }
    guard explain else { return }
    let explanation = try Explanation(Restorer(model: model, multiple: multiple, options: options))
    for image in images { print(try explanation.text(image)) }
  }

  private func listModels() throws {
    guard let folder = ModelCatalogue.folder else {
      throw RestorationError.unknownModel(name: "Models", available: [])
    }
    let published = Self.digests("\(folder)/SHA256SUMS")
    for (name, path) in ModelCatalogue.models.sorted(by: { $0.key < $1.key }) {
      let digest = try SHA256.hexadecimal(contentsOf: path)
      let size = try FileManager.default.attributesOfItem(atPath: path)[.size] as? NSNumber
      let state =
        switch published[String(path.dropFirst(folder.count + 1))] {
        case digest?: "as published"
        case nil: "not in SHA256SUMS"
        default: "CHANGED: not the file that SHA256SUMS names"
        }
      let model = try ONNXModel(contentsOf: path)
      let metadata = Dictionary(model.metadata.map { ($0.key, $0.value) }, uniquingKeysWith: { $1 })
      // Weights, not the lists of integers that shapes are computed with.
      let weights = model.graph.initializers.filter { weight in
        (ElementType(rawValue: weight.dataType)?.isFloatingPoint ?? false) && !weight.dims.isEmpty
      }
      let parameters = weights.reduce(0) { $0 + $1.dims.reduce(1, *) }
      let roles = ModelCatalogue.roles.filter { $0.value == name }.keys.sorted()
      let title = ([name] + roles).joined(separator: ", ")
      print("\(title): \(metadata["task"] ?? "task not stated")")
      print(
        "  \(parameters) parameters, \(size?.intValue ?? 0) bytes, sha256 \(digest.prefix(16))…, \(state)")
      print("  licence: \(metadata["licence"] ?? "not stated")")
    }
  }

  /// `sha256sum`'s lines by path.
  private static func digests(_ path: String) -> [String: String] {
    let text = (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
    var result: [String: String] = [:]
    for line in text.split(separator: "\n") {
      let words = line.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: true)
      guard words.count == 2 else { continue }
      result[words[1].trimmingCharacters(in: [" ", "*"])] = String(words[0])
    }
    return result
  }
}

/// What a network with routers thinks is wrong with a picture.
struct Explanation {
  private let restorer: Restorer
  private let tasks: [String]

  /// - Throws: `RestorationError.notARestorer` where the model has no output `routing`.
  init(_ restorer: Restorer) throws {
    self.restorer = restorer
    guard restorer.model.graph.outputs.contains(where: { $0.name == "routing" }) else {
      throw RestorationError.notARestorer(
        path: restorer.path,
        detail: "--explain needs a network with routers, whose file has an output `routing`")
    }
    let names = restorer.model.metadata.first { $0.key == "tasks" }?.value ?? ""
    tasks = names.components(separatedBy: ", ").filter { !$0.isEmpty }
  }

  func text(_ path: String) throws -> String {
    guard let routing = try restorer.outputs(for: ImageFile.read(path))["routing"], routing.shape.rank == 3
    else {
      throw RestorationError.notARestorer(
        path: restorer.path, detail: "its routing is not [N, learners, experts]")
    }
    let (learners, experts) = (routing.shape[1], routing.shape[2])
    let values = routing.doubles
    var lines: [(share: Double, text: String)] = []
    for expert in 0..<experts {
      let opinions = (0..<learners).map { values[$0 * experts + expert] }
      let votes = (0..<learners).count { learner in
        let row = values[(learner * experts)..<((learner + 1) * experts)]
        return row.firstIndex(of: row.max() ?? 0) == row.startIndex + expert
      }
      let share = opinions.reduce(0, +) / Double(max(learners, 1))
      let name = tasks.indices.contains(expert) ? tasks[expert] : "expert \(expert)"
      let percent = String(format: "%5.1f %%", 100 * share)
      lines.append((share, "  \(percent)  \(name), chosen by \(votes) of \(learners) routers"))
    }
    let ordered = lines.sorted { $0.share > $1.share }.map(\.text)
    return (["\(path):"] + ordered).joined(separator: "\n")
  }
}
