import ArgumentParser
import Foundation
import IRCommandLine
import IRCompiler
import IRDrawing
import IRFiles
import IRGraph
import IRONNX
import IRPipelines
import IRRestorers
import IRRuntime
import IRTensor
import ImageRestoration

@main
struct IRDump: Tool {
  static let configuration = CommandConfiguration(
    commandName: "irdump",
    abstract: "Describes a model: its graph, and the program that it is compiled to.",
    usage: "irdump [options] MODEL",
    discussion: """
      Without further options, irdump prints the model's inputs and outputs, the operators of its graph, and the size, \
      kernels and memory of its program. The program is compiled, not run.

      \(HelpText.exitCodes([3: "the model was rejected"]))

      EXAMPLES
        irdump --check network.onnx
        irdump symunet-s --size 256x384 --svg graph.svg --memory-svg memory.svg
        irdump network.onnx --html report.html
        irdump old.onnx --diff new.onnx

      SEE ALSO
        docs/looking.md, irbench (times a model), irrun --profile
      """, version: Version.text)
  static let oldSpellings: [OldSpelling] = [
    .option("--dim", now: "--size"),
    .flag("--memory", now: "--arena", unlessBefore: { MemorySize(argument: $0) != nil }),
    .option("--memory-limit", now: "--memory"),
  ]

  @Argument(help: "A model file (.onnx), a pipeline, or the name of an installed one.", completion: .file())
  var model: String

  @Option(
    help: ArgumentHelp(
      "Height and width of the model's images, or open sizes by name (H=256,W=256). (default: 256; batches: 1)",
      valueName: "HxW"))
  var size: String?

  @Flag(help: "List the nodes of the imported graph.") var nodes = false
  @Flag(help: "Print the imported graph as text, without large constants.") var graph = false
  @Flag(help: "Print the graph after all compiler passes as text.") var simplified = false
  @Flag(help: "List the compiler passes with the changes that each made.") var passes = false
  @Flag(help: "Print the compiled program: kernels, memory, regions.") var program = false
  @Flag(help: "Print the memory that each step uses, and the largest buffers.") var arena = false
  @Flag(help: "Only check that the model can be imported and compiled, and print how irrun uses it.")
  var check = false

  @Option(
    help: ArgumentHelp(
      "Draw the network: blocks by level, with sizes on the edges. - is the standard output.",
      valueName: "file"),
    completion: .file())
  var svg: String?
  @Option(
    help: ArgumentHelp(
      "Draw the memory over the steps of the program. - is the standard output.", valueName: "file"),
    completion: .file())
  var memorySvg: String?
  @Option(
    help: ArgumentHelp(
      "Write an HTML page with both drawings, passes, kernels and steps.", valueName: "file"),
    completion: .file())
  var html: String?
  @Option(
    help: ArgumentHelp("Compare inputs, outputs, nodes and weights with another model.", valueName: "model"),
    completion: .file())
  var diff: String?

  @Option(
    help: ArgumentHelp(
      "Stop rewriting after this many patches, and name the last one: bisecting finds a faulty patch.",
      valueName: "count"))
  var patchLimit: Int?

  @Option(help: "Instruction set to compile for; the processor must have it. (default: the best)")
  var isa: InstructionSet?
  @Option(
    help:
      "Plan for a shared cache that is as fast as a core's own cache (near) or slower (far). (default: the processor's)"
  )
  var sharedCache: SharedCache?

  @Option(
    name: [.customShort("j"), .customLong("threads")],
    help: ArgumentHelp("Number of threads to compile for.", valueName: "n"))
  var threads = 2

  @OptionGroup var memoryOptions: ProgramMemoryOptions
  @OptionGroup var precision: PrecisionOptions

  @Flag(help: "Print everything as one JSON object.") var json = false

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
    if let folder = try PipelineCatalogue.path(of: model) { return try dumpPipeline(folder) }
    let (path, file) = try read(model)
    isa?.select()
    if check { return Terminal.say(try checked(path, file)) }
    let (binding, assumed) = try binding(for: file)
    let graph = try ONNXImporter(file, path: path).graph(binding: binding)
    if let diff {
      let (otherPath, other) = try read(diff)
      let otherGraph = try ONNXImporter(other, path: otherPath).graph(binding: try self.binding(for: other).0)
      Terminal.say(GraphDifference(graph, otherGraph, names: (path, otherPath)).text)
      return
    }
    let compiler = compiler
    let compiled = try compiler.compile(graph)
    var description = ModelDescription(
      path: path, file: file, assumed: assumed, graph: graph, program: compiled, threads: threads,
      listsNodes: nodes, listsPasses: passes || html != nil, listsSteps: program || html != nil)
    if patchLimit != nil { description.lastPatch = compiled.report.lastPatch }
    let name = FilePath(path).name.stem.text
    let drawing = GraphDrawing(graph, title: name)
    let memoryDrawing = MemoryDrawing(compiled, title: "\(name): memory over time")
    if let svg { try write(drawing.svg, to: svg) }
    if let memorySvg { try write(memoryDrawing.svg, to: memorySvg) }
    if let html {
      try write(HTMLReport(description, graph: drawing.svg, memory: memoryDrawing).text, to: html)
    }
    if [svg, memorySvg, html].contains(where: { $0 != nil }), !(json || arena || program || nodes || passes) {
      return
    }
    if json { return try Terminal.say(json: description, isPretty: true) }
    Terminal.say(description.text)
    if self.graph { Terminal.say("\(graph)") }
    if simplified { Terminal.say("\(try compiler.simplified(graph).0)") }
    if program { Terminal.say("\(compiled)") }
    if arena { Terminal.say(memoryDrawing.text) }
  }

  private var compiler: Compiler {
    var compiler = memoryOptions.compiler(
      threadCount: threads, hasNearSharedCache: sharedCache.map { $0 == .near },
      precision: precision.value)
    compiler.options.patchLimit = patchLimit
    return compiler
  }

  /// Whether the model can be run, and what irrun makes of a photograph with it.
  private func checked(_ path: String, _ file: ONNXModel) throws -> String {
    let reason: String
    do {
      let restorer = try RestorationModel(file, path: path)
      let side = 256.roundedUp(toMultipleOf: restorer.sides.multiple)
      _ = try compiler.compile(
        try restorer.graph(
          height: restorer.fixedSides.height ?? side, width: restorer.fixedSides.width ?? side))
      let width = restorer.summary.map(\.name.count).max() ?? 0
      let lines = restorer.summary.map { line in
        "  \(line.name)\(String(repeating: " ", count: width - line.name.count))  \(line.text)"
      }
      return (["\(path): imports and compiles; irrun restores photographs with it"] + lines)
        .joined(separator: "\n")
    } catch let refusal as RestorerRefusal { reason = "\(refusal)" } catch { reason = "\(error)" }
    let graph = try ONNXImporter(file, path: path).graph(binding: try binding(for: file).0)
    _ = try compiler.compile(graph)
    return "\(path): imports and compiles; irrun runs it on files of tensors (.npz) only: \(reason)"
  }

  private func read(_ name: String) throws -> (String, ONNXModel) {
    let path = try ModelCatalogue.path(of: name)
    return (path, try ONNXModel(contentsOf: path))
  }

  private func write(_ text: String, to path: String) throws {
    if path == "-" { return try FileHandle.standardOutput.write(contentsOf: Data(text.utf8)) }
    let file = try AtomicFile(replacing: FilePath(path))
    try file.write(Array(text.utf8))
    try file.replace()
  }

  /// The sizes that `--size` gives, and the ones that are assumed, as `NAME=SIZE`.
  private func binding(for file: ONNXModel) throws -> (ONNXBinding, assumed: [String]) {
    var binding = ONNXBinding()
    let asked = size.flatMap { Sides(argument: $0) }
    if let asked {
      for input in file.graphInputs {
        guard let port = ImagePort(input) else { continue }
        for (axis, side) in [
          (port.layout.sideAxes.height, asked.height), (port.layout.sideAxes.width, asked.width),
        ] {
          if let name = input.openDimension(axis) { binding.dimensions[name] = side }
        }
      }
      guard !binding.dimensions.isEmpty else {
        throw ValidationError(
          "the model has no open height or width that \(asked.defaultValueDescription) could be")
      }
    }
    for entry in asked == nil ? size?.split(separator: ",") ?? [] : [] {
      let parts = entry.split(separator: "=")
      guard parts.count == 2, let extent = Int(parts[1]), extent > 0 else {
        throw ValidationError("--size takes HxW or NAME=SIZE,…, not \(entry)")
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
