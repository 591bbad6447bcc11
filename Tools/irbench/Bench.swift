import Foundation
import IRCommandLine
import IRCompiler
import IRGraph
import IRONNX
import IRRestorers
import IRRuntime
import IRTensor
import IRTensorFiles
import ImageRestoration

/// A model that is loaded, with the inputs that it runs on.
final class Bench {
  let path: String
  let program: Program
  private let gflop: Double
  private let inputs: [String: Tensor]
  private let session: Session
  private let importSeconds, compileSeconds, sessionSeconds: Double
  /// The process' own bytes in memory before the arena was mapped, and the most of all before that.
  private let residentBefore, peakBefore: Int?

  init(model: String, input: String?, sides: Sides, options: RuntimeOptions, memory: ProgramMemoryOptions)
    throws
  {
    path = try ModelCatalogue.path(of: model)
    let loaded = try Self.load(path, input, sides, options, memory)
    (program, inputs, gflop) = (loaded.program, loaded.inputs, loaded.gflop)
    (importSeconds, compileSeconds) = (loaded.importSeconds, loaded.compileSeconds)
    // The file and the graph are gone: programs hold what they need.
    (residentBefore, peakBefore) = (ResidentMemory.ownByteCount, ResidentMemory.peakByteCount)
    ResidentMemory.resetPeak()
    let start = ContinuousClock.now
    session = try Session(program, options: options)
    sessionSeconds = start.duration(to: ContinuousClock.now).inSeconds
  }

  private typealias Loaded = (
    program: Program, inputs: [String: Tensor], gflop: Double, importSeconds: Double, compileSeconds: Double
  )

  private static func load(
    _ path: String, _ input: String?, _ sides: Sides, _ options: RuntimeOptions,
    _ memory: ProgramMemoryOptions
  ) throws -> Loaded {
    let clock = ContinuousClock()
    let begin = clock.now
    let file = try ONNXModel(contentsOf: path)
    let inputs =
      if let input {
        try TensorFile.inputs(file.graphInputs.map(\.name), in: input)
      } else { try freshInputs(file, path, sides) }
    let graph = try ONNXImporter(file, path: path).graph(for: inputs)
    let imported = clock.now
    let program = try memory.compiler(
      threadCount: options.threadCount, precision: options.precision
    ).compile(graph)
    // The model's own work, not what rewriting leaves of it.
    return (
      program, inputs, 2e-9 * Double(graph.multiplyAddCount), begin.duration(to: imported).inSeconds,
      imported.duration(to: clock.now).inSeconds
    )
  }

  /// Numbers in 0..<1 for every input in floating point, zeros for others, pictures of these sides where the
  /// model leaves them open.
  private static func freshInputs(_ file: ONNXModel, _ path: String, _ sides: Sides) throws -> [String:
    Tensor]
  {
    var result: [String: Tensor] = [:]
    for (index, input) in file.graphInputs.enumerated() {
      guard case .tensor(let number, let shape?) = input.type, let elementType = ElementType(rawValue: number)
      else {
        throw ONNXError.tensor(
          name: input.name, detail: "must be a tensor of a known rank, or --input must give it")
      }
      let port = ImagePort(input)
      let extents = shape.indices.map { axis -> Int in
        if case .fixed(let extent) = shape[axis], extent >= 0 { return Int(clamping: extent) }
        if let port {
          return port.extent(ofAxis: axis, height: sides.height, width: sides.width) ?? port.channelCount
        }
        return axis == 0 ? 1 : axis == 2 ? sides.height : sides.width
      }
      guard extents.allSatisfy({ (1...1 << 24).contains($0) }), extents.reduce(1.0, { $0 * Double($1) }) < 1e9
      else { throw ONNXError.tensor(name: input.name, detail: "is \(extents): give --input") }
      let shapeOfInput = Shape(extents)
      guard elementType.isFloatingPoint else {
        result[input.name] = Tensor(zeros: TensorType(elementType, shapeOfInput))
        continue
      }
      var generator = SplitMix64(seed: UInt64(index + 1))
      let values = (0..<shapeOfInput.elementCount).map { _ -> Float in
        Float(generator.next() >> 40) / 16_777_216
      }
      result[input.name] = Tensor(values, shape: shapeOfInput).converted(to: elementType)
    }
    return result
  }

  /// The first run; its outputs are what is written.
  func warmUp(writingTo output: String?) throws {
    let results = try session.run(inputs)
    guard let output else { return }
    try TensorFile.write(
      program.outputs.compactMap { port in results[port.name].map { NamedTensor(port.name, $0) } }, to: output
    )
  }

  /// The seconds of each run.
  func run(_ count: Int, _ profile: inout Profile?) throws -> [Double] {
    let clock = ContinuousClock()
    var seconds: [Double] = []
    for _ in 0..<count {
      let start = clock.now
      _ = try session.run(inputs, profile: &profile)
      seconds.append(start.duration(to: clock.now).inSeconds)
    }
    return seconds
  }

  func result(_ seconds: [Double]) -> Measurement {
    let ports = (program.inputs + program.outputs).reduce(0) { $0 + $1.type.byteCount }
    let outputs = program.outputs.reduce(0) { $0 + $1.type.byteCount }
    let peak = ResidentMemory.peakByteCount
    // The arena stays: what the process holds now is what a run takes, but for what it gave back.
    let own = [ResidentMemory.ownPeakByteCount, ResidentMemory.ownByteCount].compactMap { $0 }.max()
    return Measurement(
      model: path, threads: session.options.threadCount, seconds: seconds,
      importSeconds: importSeconds, compileSeconds: compileSeconds, sessionSeconds: sessionSeconds,
      gflop: gflop,
      arenaByteCount: program.memoryPlan.peakByteCount, portByteCount: ports,
      plannedByteCount: program.memoryPlan.peakByteCount + outputs,
      runByteCount: residentBefore.flatMap { before in own.map { $0 - before } },
      weightByteCount: program.weightByteCount, ownByteCount: own,
      peakByteCount: [peak, peakBefore].compactMap { $0 }.max())
  }
}
