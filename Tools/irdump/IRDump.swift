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
  @Flag(help: "Say what each compiler pass did.") var passes = false
  @Flag(help: "Print the compiled program.") var program = false
  @Flag(help: "Only check that the model can be imported and compiled.") var check = false
  @Option(name: [.customShort("j"), .customLong("threads")], help: "Threads that the memory is planned for.")
  var threads = 2

  func run() throws {
    do { try dump() } catch let error as ValidationError { throw error } catch {
      FileHandle.standardError.write(Data("irdump: \(error)\n".utf8))
      throw ExitCode(3)
    }
  }

  private func dump() throws {
    let path = try ModelCatalogue.path(of: model)
    let file = try ONNXModel(contentsOf: path)
    var binding = ONNXBinding()
    for entry in dim?.split(separator: ",") ?? [] {
      let parts = entry.split(separator: "=")
      guard parts.count == 2, let extent = Int(parts[1]), extent > 0 else {
        throw ValidationError("--dim takes NAME=SIZE,…, not \(entry)")
      }
      binding.dimensions[String(parts[0])] = extent
    }
    var assumed: [String] = []
    for name in file.openDimensions where binding.dimensions[name] == nil {
      let isBatch = name.lowercased().hasPrefix("batch") || name.hasSuffix(".0") || name == "N"
      binding.dimensions[name] = isBatch ? 1 : 256
      assumed.append("\(name)=\(isBatch ? 1 : 256)")
    }
    let graph = try ONNXImporter(file, path: path).graph(binding: binding)
    let compiler = Compiler(options: CompilerOptions(threadCount: max(1, threads)), kernels: CPUKernelLibrary())
    let compiled = try compiler.compile(graph)
    if check {
      print("\(path): imports and compiles")
      return
    }
    print("model        \(path)")
    print("format       ONNX, IR version \(file.irVersion), operator set \(file.opset), by \(file.producerName)")
    if !assumed.isEmpty { print("assumed      \(assumed.joined(separator: ", ")) (--dim sets them)") }
    for port in compiled.inputs { print("input        \(port.name) : \(port.type)") }
    for port in compiled.outputs { print("output       \(port.name) : \(port.type)") }
    print("parameters   \(graph.parameterCount)")
    print("multiply-adds \(graph.multiplyAddCount)")
    print("nodes        \(graph.nodeCount) imported, \(compiled.steps.count) steps compiled")
    print("peak memory  \(compiled.memoryPlan.peakByteCount) bytes in the arena with \(threads) threads")
    let slow = compiled.steps.filter(\.kernel.isReference).map(\.operatorName)
    if !slow.isEmpty { print("reference    \(slow.count) steps have no fast kernel: \(Set(slow).sorted().joined(separator: ", "))") }
    if nodes {
      for id in graph.nodesInOrder {
        let node = graph[id]
        print("  \(node.operator.name) \(node.name) : \(graph.outputTypes(of: id).map(\.description).joined(separator: ", "))")
      }
    }
    if passes {
      for entry in compiled.report.entries {
        let milliseconds = String(format: "%.1f", entry.seconds * 1000)
        print("  \(entry.pass): \(entry.patches) patches, \(entry.nodesBefore) -> \(entry.nodesAfter) nodes, \(milliseconds) ms")
      }
    }
    if program { print(compiled) }
  }
}
