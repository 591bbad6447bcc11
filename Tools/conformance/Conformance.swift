import ArgumentParser
import Foundation
import IRCompiler
import IRGraph
import IRONNX
import IRRuntime
import IRTensor

/// Runs ONNX's backend test cases through the importer, interpreted and compiled.
@main
struct Conformance: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "irconformance",
    abstract: "Runs ONNX's backend test cases, interpreted and compiled, against a list of expectations.")

  @Option(
    help: "Folder of cases: <name>/model.onnx, case.json, test_data_set_<i>/*.pb; sequences as <port>.<i>.pb."
  )
  var cases: String

  @Option(help: "File of expectations: a line per case, `name pass` or `name skip reason`.")
  var list: String

  @Option(help: "Run only cases whose name contains this.")
  var filter: String?

  @Option(help: "Also write every case as our exporter has it: <folder>/<name>.onnx.")
  var exported: String?

  @Flag(help: "Rewrite the list with what was found.")
  var update = false

  func run() throws {
    let lines = try String(contentsOfFile: list, encoding: .utf8).split(separator: "\n").map(String.init)
    var (passed, failed, skipped) = (0, 0, 0)
    if let exported {
      try FileManager.default.createDirectory(atPath: exported, withIntermediateDirectories: true)
    }
    var found: [String] = []
    for line in lines {
      let words = line.split(separator: " ", maxSplits: 2).map(String.init)
      guard words.count >= 2 else { throw ValidationError("\(list): not an expectation: \(line)") }
      guard filter.map({ words[0].contains($0) }) ?? true else { found.append(line); continue }
      let problem = Self.problem(of: words[0], in: cases, exported: words[1] == "pass" ? exported : nil)
      switch (words[1], problem) {
      case ("pass", nil): passed += 1
      case ("skip", .some): skipped += 1
      case ("skip", nil):
        failed += 1
        print("\(words[0]): passes, but the list skips it")
      case (_, let problem):
        failed += 1
        print("\(words[0]): \(problem ?? "")")
      }
      found.append(
        problem.map { "\(words[0]) skip \($0.split(separator: "\n").joined(separator: " "))" }
          ?? "\(words[0]) pass")
    }
    if update {
      try (found.joined(separator: "\n") + "\n").write(toFile: list, atomically: true, encoding: .utf8)
    }
    guard passed + failed + skipped > 0 else {
      throw ValidationError("no case is named like \(filter ?? "")")
    }
    print("\(passed) passed, \(failed) failed, \(skipped) skipped")
    if failed > 0 { throw ExitCode(1) }
  }

  struct Tolerance: Decodable { var rtol: Double; var atol: Double }

  /// Why a case does not pass, or nil.
  static func problem(of name: String, in cases: String, exported: String?) -> String? {
    do {
      let folder = "\(cases)/\(name)"
      let model = try ONNXModel(contentsOf: "\(folder)/model.onnx")
      let data = try Data(contentsOf: URL(fileURLWithPath: "\(folder)/case.json"))
      let tolerance = try JSONDecoder().decode(Tolerance.self, from: data)
      for set in 0..<64 {
        let path = "\(folder)/test_data_set_\(set)"
        guard FileManager.default.fileExists(atPath: path) else { return set == 0 ? "has no data" : nil }
        let target = set == 0 ? exported.map { "\($0)/\(name).onnx" } : nil
        if let problem = try problem(of: model, in: path, tolerance, exported: target) { return problem }
      }
      return nil
    } catch let error as ONNXError {
      return "\(error)"
    } catch {
      return "\(error)"
    }
  }

  private static func problem(
    of model: ONNXModel, in path: String, _ tolerance: Tolerance, exported: String?
  ) throws -> String? {
    let inputs = try tensors(model.graphInputs.map(\.name), "\(path)/input")
    let graph = try ONNXImporter(model).graph(for: inputs)
    let expected = try tensors(model.graph.outputs.map(\.name), "\(path)/output")
    let unexpected = graph.outputs.map(\.name).filter { expected[$0] == nil }
    guard unexpected.isEmpty else { return "has outputs that the case does not: \(unexpected)" }
    let program = try Compiler().compile(graph)
    var results = [
      ("interpreted", try GraphInterpreter(graph).run(inputs)),
      ("compiled", try Session(program, options: RuntimeOptions(threadCount: 1)).run(inputs)),
    ]
    for (opset, model) in try writtenModels(graph) {
      let file = try model.serialized().withUnsafeBytes { try ONNXModel(bytes: $0) }
      let again = try ONNXImporter(file).graph(for: inputs)
      results.append(("written in operator set \(opset)", try GraphInterpreter(again).run(inputs)))
      if let exported { try model.write(to: exported) }
    }
    let text = graph.text()
    guard try Graph(text: text, operators: .standard).text() == text else {
      return "its text form changes when it is read"
    }
    for (how, results) in results {
      for (name, tensor) in expected {
        guard let result = results[name] else { return "\(how): output \(name) is missing" }
        if let problem = difference(result, tensor, tolerance) { return "\(how): output \(name): \(problem)" }
      }
    }
    return nil
  }

  /// The tensors in the files of a case's ports, an element of a sequence as `name.0`, `name.1`, ….
  private static func tensors(_ names: [String], _ path: String) throws -> [String: Tensor] {
    var result: [String: Tensor] = [:]
    for (port, name) in names.enumerated() {
      let file = "\(path)_\(port).pb"
      if FileManager.default.fileExists(atPath: file) {
        result[name] = try ONNXTensor(contentsOf: file).tensor()
        continue
      }
      for element in 0..<(1 << 12) {
        let file = "\(path)_\(port).\(element).pb"
        guard FileManager.default.fileExists(atPath: file) else { break }
        result["\(name).\(element)"] = try ONNXTensor(contentsOf: file).tensor()
      }
    }
    return result
  }

  /// The graph as ONNX in the oldest operator set that can be written and has what it needs, and in the
  /// newest.
  private static func writtenModels(_ graph: Graph) throws -> [(Int64, ONNXModel)] {
    let (oldest, newest) = (ONNXModel.writableOpsets.lowerBound, ONNXModel.writableOpsets.upperBound)
    var result = [(newest, try ONNXModel(graph, opset: newest))]
    for opset in oldest...newest {
      if case .success(let model) = Result(catching: { () throws(ONNXError) in
        try ONNXModel(graph, opset: opset)
      }) {
        result.append((opset, model))
        break
      }
    }
    return result
  }

  private static func difference(_ a: Tensor, _ b: Tensor, _ tolerance: Tolerance) -> String? {
    guard a.type == b.type else { return "is \(a.type), must be \(b.type)" }
    guard a.elementType.isFloatingPoint else {
      return a.integers == b.integers ? nil : "differs: \(a), must be \(b)"
    }
    for (index, (x, y)) in zip(a.doubles, b.doubles).enumerated() {
      if x == y || (x.isNaN && y.isNaN) { continue }
      if !((x - y).magnitude <= tolerance.atol + tolerance.rtol * y.magnitude) {
        return "element \(index) is \(x), must be \(y)"
      }
    }
    return nil
  }
}
