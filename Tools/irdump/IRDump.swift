import ArgumentParser
import Foundation
import IRCommandLine
import IRCompiler
import IRDrawing
import IRFiles
import IRGraph
import IRONNX
import IRRuntime
import ImageRestoration

@main
enum Main {
  static func main() { IRDump.runAsTool() }
}

struct IRDump: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "irdump",
    abstract: "Looks inside a model; runs nothing of it.",
    discussion: """
      Exit codes: 0, 2 usage, 3 the model was rejected.

      EXAMPLES
        irdump symunet-s --dim 256x384 --svg graph.svg --memory-svg memory.svg
        irdump network.onnx --html report.html
        irdump old.onnx --diff new.onnx
      """)

  @Argument(help: "A model file (.onnx), or the name of a model in Models.")
  var model: String

  @Option(
    help: ArgumentHelp(
      "Height and width of the model's pictures, or its open sizes by name, as H=256,W=256; those left out are 256, a batch is 1.",
      valueName: "HxW"))
  var dim: String?

  @Flag(help: "List the graph's nodes as imported.") var nodes = false
  @Flag(help: "Print the graph's text form as imported; large constants are left out.") var graph = false
  @Flag(help: "Print the text form after all passes of the compiler.") var simplified = false
  @Flag(help: "Say what each compiler pass did.") var passes = false
  @Flag(help: "Print the compiled program.") var program = false
  @Flag(help: "Print what the arena holds over the program's steps, and what is largest.") var memory = false
  @Flag(help: "Print everything as JSON, one object.") var json = false
  @Flag(help: "Only check that the model can be imported and compiled.") var check = false

  @Option(
    help: ArgumentHelp(
      "Draw the network: blocks by level, sizes on the edges; - for stdout.", valueName: "file"))
  var svg: String?
  @Option(help: ArgumentHelp("Draw the arena over the program's steps; - for stdout.", valueName: "file"))
  var memorySvg: String?
  @Option(
    help: ArgumentHelp("Write a page with both drawings, the passes, kernels and steps.", valueName: "file"))
  var html: String?
  @Option(help: ArgumentHelp("Say how another model differs: ports, nodes, weights.", valueName: "model"))
  var diff: String?

  @Option(name: [.customShort("j"), .customLong("threads")], help: "Threads that the memory is planned for.")
  var threads = 2

  @Option(
    help: ArgumentHelp(
      "Stop rewriting after this many patches, and say which was the last: bisecting finds a wrong one.",
      valueName: "count"))
  var patchLimit: Int?

  @Option(help: "Compile for this instruction set, which the processor must have.")
  var isa: InstructionSet?
  @Option(help: "Plan for a shared cache that is as fast as the cores' own (near) or slower (far).")
  var sharedCache: SharedCache?

  @OptionGroup var memoryOptions: MemoryOptions

  enum SharedCache: String, CaseIterable, ExpressibleByArgument { case near, far }

  func validate() throws {
    if let isa, !isa.isAvailable {
      let available = InstructionSet.allCases.filter(\.isAvailable).map(\.rawValue).joined(separator: ", ")
      throw ValidationError("--isa is \(isa.rawValue), this processor has \(available)")
    }
    if let patchLimit, patchLimit < 0 {
      throw ValidationError("--patch-limit is \(patchLimit), must be at least 0")
    }
    guard threads >= 1 else { throw ValidationError("--threads is \(threads), must be at least 1") }
  }

  func run() throws {
    do { try dump() } catch let error as ValidationError { throw error } catch {
      Terminal.complain("irdump: \(error)")
      throw ExitCode(3)
    }
  }

  private func dump() throws {
    let (path, file) = try read(model)
    let (binding, assumed) = try binding(for: file)
    let graph = try ONNXImporter(file, path: path).graph(binding: binding)
    if let diff {
      let (otherPath, other) = try read(diff)
      let otherGraph = try ONNXImporter(other, path: otherPath).graph(binding: try self.binding(for: other).0)
      Terminal.say(GraphDifference(graph, otherGraph, names: (path, otherPath)).text)
      return
    }
    isa?.select()
    var compiler = memoryOptions.compiler(
      threadCount: threads, hasNearSharedCache: sharedCache.map { $0 == .near })
    compiler.options.patchLimit = patchLimit
    let compiled = try compiler.compile(graph)
    if check { return Terminal.say("\(path): imports and compiles") }
    var description = ModelDescription(
      path: path, file: file, assumed: assumed, graph: graph, program: compiled, threads: threads,
      listsNodes: nodes, listsPasses: passes || html != nil, listsSteps: program || html != nil)
    if patchLimit != nil { description.lastPatch = compiled.report.lastPatch }
    let name = PathText.stem(PathText.name(path))
    let drawing = GraphDrawing(graph, title: name)
    let memoryDrawing = MemoryDrawing(compiled, title: "\(name): memory over time")
    if let svg { try write(drawing.svg, to: svg) }
    if let memorySvg { try write(memoryDrawing.svg, to: memorySvg) }
    if let html {
      try write(HTMLReport(description, graph: drawing.svg, memory: memoryDrawing).text, to: html)
    }
    if [svg, memorySvg, html].contains(where: { $0 != nil }), !(json || memory || program || nodes || passes)
    {
      return
    }
    if json { return Terminal.say(try description.json()) }
    Terminal.say(description.text)
    if self.graph { Terminal.say("\(graph)") }
    if simplified { Terminal.say("\(try compiler.simplified(graph).0)") }
    if program { Terminal.say("\(compiled)") }
    if memory { Terminal.say(memoryDrawing.text) }
  }

  private func read(_ name: String) throws -> (String, ONNXModel) {
    let path = try ModelCatalogue.path(of: name)
    return (path, try ONNXModel(contentsOf: path))
  }

  private func write(_ text: String, to path: String) throws {
    if path == "-" { return try FileHandle.standardOutput.write(contentsOf: Data(text.utf8)) }
    let file = try AtomicFile(replacing: path)
    try file.write(Array(text.utf8))
    try file.replace()
  }

  /// The sizes asked for, and those assumed for want of an answer, as `NAME=SIZE`.
  private func binding(for file: ONNXModel) throws -> (ONNXBinding, assumed: [String]) {
    var binding = ONNXBinding()
    let asked = dim.flatMap { Sides(argument: $0) }
    if let asked {
      for input in file.graphInputs {
        for (axis, side) in [(2, asked.height), (3, asked.width)] {
          if let name = input.openDimension(axis) { binding.dimensions[name] = side }
        }
      }
      guard !binding.dimensions.isEmpty else {
        throw ValidationError(
          "the model has no open height or width that \(asked.defaultValueDescription) could be")
      }
    }
    for entry in asked == nil ? dim?.split(separator: ",") ?? [] : [] {
      let parts = entry.split(separator: "=")
      guard parts.count == 2, let extent = Int(parts[1]), extent > 0 else {
        throw ValidationError("--dim takes HxW or NAME=SIZE,…, not \(entry)")
      }
      guard file.openDimensions.contains(String(parts[0])) else {
        let open = file.openDimensions.joined(separator: ", ")
        throw ValidationError(
          "the model has no open size \(parts[0]); \(open.isEmpty ? "none is open" : "open are \(open)")")
      }
      binding.dimensions[String(parts[0])] = extent
    }
    var assumed: [String] = []
    // Drawings tell pictures from other tensors by their proportions, so that theirs are not square.
    let sides = svg != nil || html != nil ? [256, 384] : [256, 256]
    var sideCount = 0
    for name in file.openDimensions where binding.dimensions[name] == nil {
      let isBatch = name.lowercased().hasPrefix("batch") || name.hasSuffix(".0") || name == "N"
      binding.dimensions[name] = isBatch ? 1 : sides[min(sideCount, 1)]
      if !isBatch { sideCount += 1 }
      assumed.append("\(name)=\(binding.dimensions[name] ?? 0)")
    }
    return (binding, assumed)
  }
}

extension InstructionSet: ExpressibleByArgument {}
