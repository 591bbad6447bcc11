import ArgumentParser
import Foundation
import IRCompiler
import IRGraph
import IRONNX
import IRRuntime
import ImageRestoration

/// Runs the command; ArgumentParser's code for wrong usage becomes the documented 2.
@main
enum Main {
  static func main() {
    do {
      var command = try IRDump.parseAsRoot()
      try command.run()
    } catch {
      guard IRDump.exitCode(for: error) == .validationFailure else { IRDump.exit(withError: error) }
      FileHandle.standardError.write(Data((IRDump.fullMessage(for: error) + "\n").utf8))
      Foundation.exit(2)
    }
  }
}

struct IRDump: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "irdump",
    abstract: "Looks inside a model; runs nothing of it.",
    discussion: "Exit codes: 0, 2 usage, 3 the model was rejected.")

  @Argument(help: "A model file (.onnx), or the name of a model in Models.")
  var model: String

  @Option(help: "Sizes for the model's open ones, as H=256,W=256; those left out are 256, a batch is 1.")
  var dim: String?

  @Flag(help: "List the graph's nodes as imported.") var nodes = false
  @Flag(help: "Print the graph's text form as imported; large constants are left out.") var graph = false
  @Flag(help: "Print the text form after all passes of the compiler.") var simplified = false
  @Flag(help: "Say what each compiler pass did.") var passes = false
  @Flag(help: "Print the compiled program.") var program = false
  @Flag(help: "Print everything as JSON, one object.") var json = false
  @Flag(help: "Only check that the model can be imported and compiled.") var check = false
  @Option(name: [.customShort("j"), .customLong("threads")], help: "Threads that the memory is planned for.")
  var threads = 2

  func validate() throws {
    guard threads >= 1 else { throw ValidationError("--threads is \(threads), must be at least 1") }
  }

  func run() throws {
    do { try dump() } catch let error as ValidationError { throw error } catch {
      FileHandle.standardError.write(Data("irdump: \(error)\n".utf8))
      throw ExitCode(3)
    }
  }

  private func dump() throws {
    let path = try ModelCatalogue.path(of: model)
    let file = try ONNXModel(contentsOf: path)
    let (binding, assumed) = try binding(for: file)
    let graph = try ONNXImporter(file, path: path).graph(binding: binding)
    let compiler = Compiler(options: CompilerOptions(threadCount: threads), kernels: CPUKernelLibrary())
    let compiled = try compiler.compile(graph)
    if check { return print("\(path): imports and compiles") }
    let description = ModelDescription(
      path: path, file: file, assumed: assumed, graph: graph, program: compiled, threads: threads,
      listsNodes: nodes,
      listsPasses: passes, listsSteps: program)
    if json { return print(try description.json()) }
    print(description.text)
    if self.graph { print(graph) }
    if simplified { print(try compiler.simplified(graph).0) }
    if program { print(compiled) }
  }

  /// The sizes asked for, and those assumed for want of an answer, as `NAME=SIZE`.
  private func binding(for file: ONNXModel) throws -> (ONNXBinding, assumed: [String]) {
    var binding = ONNXBinding()
    for entry in dim?.split(separator: ",") ?? [] {
      let parts = entry.split(separator: "=")
      guard parts.count == 2, let extent = Int(parts[1]), extent > 0 else {
        throw ValidationError("--dim takes NAME=SIZE,…, not \(entry)")
      }
      guard file.openDimensions.contains(String(parts[0])) else {
        let open = file.openDimensions.joined(separator: ", ")
        throw ValidationError(
          "the model has no open size \(parts[0]); \(open.isEmpty ? "none is open" : "open are \(open)")")
      }
      binding.dimensions[String(parts[0])] = extent
    }
    var assumed: [String] = []
    for name in file.openDimensions where binding.dimensions[name] == nil {
      let isBatch = name.lowercased().hasPrefix("batch") || name.hasSuffix(".0") || name == "N"
      binding.dimensions[name] = isBatch ? 1 : 256
      assumed.append("\(name)=\(isBatch ? 1 : 256)")
    }
    return (binding, assumed)
  }
}
