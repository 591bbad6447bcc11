import ArgumentParser
import IRCommandLine
import IRPipelines
import IRRuntime

extension IRDump {
  /// Says what a pipeline consists of, and what a picture of `--size` costs.
  func dumpPipeline(_ folder: String) throws {
    let sides = try size.map { text in
      guard let sides = Sides(argument: text) else {
        throw ValidationError("--size is \(text), must be HxW for a pipeline")
      }
      return sides
    }
    guard svg == nil, memorySvg == nil, html == nil, diff == nil,
      !nodes, !graph, !simplified, !passes, !program, !arena
    else {
      throw ValidationError(
        "\(folder) is a pipeline: of the options, --json, --check, --size, --threads and --memory are for those; its "
          + "parts are models, as \(folder)/unet/model.onnx")
    }
    let options = RuntimeOptions(
      threadCount: threads, memoryByteCount: memoryOptions.memory?.byteCount)
    let runner = PipelineRunner(
      try RestorationPipeline(contentsOf: folder, options: options), options: options)
    let settings = try PipelineCalibration.settings(of: runner.pipeline)
    let description = try PipelineDescription(
      runner, height: sides?.height ?? 512, width: sides?.width ?? 512, settings)
    if check { return Terminal.say("\(folder): its parts import, compile and fit together") }
    if json { try Terminal.say(json: description, isPretty: true) } else { Terminal.say(description.text) }
  }
}
