import Foundation
import IRCompiler
import IRDiffusion
import IRFiles
import IRGraph
import IRRuntime
import IRTensor
import ImageRestoration

/// The parts of a pipeline and the cost of one picture, before anything runs.
package struct PipelineDescription: Encodable, Sendable {
  package struct Part: Encodable, Sendable {
    package var name: String
    package var parameters: Int
    /// Of one run: of the UNet for one component at one step, over one tile.
    package var multiplyAdds: Int
    /// Bytes that a run takes beside the weights.
    package var memory: Int
    /// Bytes of weights that are kept packed beside the files.
    package var packedWeights: Int
    /// Bytes of the part's files.
    package var fileBytes: Int
    /// Operators without a kernel, which run by their definition.
    package var referenceOperators: [String]
  }

  package var folder: String
  package var parts: [Part]
  package var prediction: String
  package var sampler: String
  package var spacing: String
  package var latentChannels: Int
  package var components: [String]
  /// The metric and the number of pictures of the calibration; nil without one.
  package var calibration: PipelineCalibration?
  package var width: Int
  package var height: Int
  package var plan: String
  package var tiles: Int
  /// The most bytes that a restoration of this size takes beside the files' own.
  package var memory: Int
  /// Multiply-adds of a restoration in the settings' number of steps with their composition.
  package var multiplyAdds: Int
  /// Seconds that these take if they run as fast as a matrix product does now: an estimate, within a third as
  /// a rule.
  package var seconds: Double
  /// Threads, and the multiply-adds a second that a matrix product reached on them.
  package var threads: Int
  package var multiplyAddsPerSecond: Double
  package var steps: Int
  package var weights: String

  /// - Throws: as `PipelineRunner.plan`.
  package init(_ runner: PipelineRunner, height: Int, width: Int, _ settings: PipelineSettings) throws {
    let pipeline = runner.pipeline
    let plan = try runner.plan(height: height, width: width, settings)
    let shapes = runner.shapes(plan)
    parts = try [
      (pipeline.encoder, shapes.encoder), (pipeline.unet, shapes.unet), (pipeline.decoder, shapes.decoder),
    ].map { part, shapes in
      let graph = try part.graph(shapes)
      let program = try runner.parts.program(part, shapes)
      return Part(
        name: part.name, parameters: graph.parameterCount, multiplyAdds: graph.multiplyAddCount,
        memory: Restorer.byteCount(of: program), packedWeights: program.weightByteCount,
        fileBytes: pipeline.files.byteCount(of: part.name),
        referenceOperators: Set(program.steps.filter(\.kernel.isReference).map(\.operatorName)).sorted())
    }
    folder = pipeline.files.folder
    let scheduler = pipeline.files.scheduler
    prediction = scheduler.prediction.rawValue
    sampler = settings.method.name
    spacing = settings.spacing(scheduler.spacing).rawValue
    latentChannels = pipeline.latentChannels
    components = pipeline.components.map(\.rawValue)
    calibration = try PipelineCalibration.of(pipeline.files)
    self.width = width
    self.height = height
    self.plan = "\(plan)"
    tiles = plan.tileCount
    memory = plan.byteCount
    let shown = Set(settings.composition.parts.map(\.component.condition)).count
    let passes = settings.stepCount * settings.composition.parts.count
    multiplyAdds =
      plan.tileCount
      * (shown * parts[0].multiplyAdds + passes * parts[1].multiplyAdds + parts[2].multiplyAdds)
    threads = runner.options.threadCount
    multiplyAddsPerSecond = try ProductRate.measured(threadCount: threads)
    seconds = Double(multiplyAdds) / multiplyAddsPerSecond
    (steps, weights) = (settings.stepCount, "\(settings.composition)")
  }

  package var text: String {
    func count(_ number: Int) -> String {
      for (unit, size) in [("T", 1e12), ("G", 1e9), ("M", 1e6)] where Double(number) >= size {
        return String(format: "%.2f %@", Double(number) / size, unit)
      }
      return "\(number)"
    }
    func memory(_ bytes: Int) -> String { String(format: "%.1f MiB", Double(bytes) / 1_048_576) }
    var lines = [
      "pipeline      \(folder)",
      "predicts      \(prediction); latents of \(latentChannels) channels; \(sampler), \(spacing) spacing",
      "components    \(components.joined(separator: ", "))",
    ]
    if let calibration {
      lines.append(
        "calibration   \(calibration.candidates.count) candidates, by \(calibration.by) of \(calibration.pictures) pictures"
      )
    }
    lines.append("picture       \(width)×\(height): \(plan)")
    for part in parts {
      lines.append(
        "\(part.name.padding(toLength: 14, withPad: " ", startingAt: 0))\(count(part.parameters)) parameters, "
          + "\(count(part.multiplyAdds)) multiply-adds a run, \(memory(part.memory)) and "
          + "\(memory(part.packedWeights)) of packed weights beside \(memory(part.fileBytes)) of files"
          + (part.referenceOperators.isEmpty
            ? "" : "; no fast kernel: \(part.referenceOperators.joined(separator: ", "))"))
    }
    lines.append(
      "restoration   \(count(multiplyAdds)) multiply-adds in \(steps) steps of \(weights), at most \(memory(self.memory))"
    )
    lines.append(
      String(
        format:
          "time          about %.3g s on %d threads, if all of it runs as a matrix product does now (%@ a second)",
        seconds, threads, count(Int(multiplyAddsPerSecond))))
    return lines.joined(separator: "\n")
  }
}
