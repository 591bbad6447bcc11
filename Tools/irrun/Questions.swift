import ArgumentParser
import IRBatch
import IRCommandLine
import IRPipelines
import IRRuntime
import ImageRestoration

/// Questions that `irrun` answers without writing pictures.
struct Questions: ParsableArguments {
  @Flag(help: "List the installed models: task, licence, size, and whether each file is the published one.")
  var models = false

  @Flag(help: "Print the degradation that the model's routers detect in each input. -o is not required.")
  var explain = false

  var isAsked: Bool { models || explain }

  /// Answers on the standard output.
  func answer(
    model: String, pictures: [String], multiple: Int?, json: Bool, _ files: FileOptions,
    _ options: RuntimeOptions
  ) throws {
    if models {
      for model in try ModelListing.all() {
        if json { try Terminal.say(json: model) } else { Terminal.say(model.text) }
      }
      for pipeline in PipelineListing.all {
        if json { try Terminal.say(json: pipeline) } else { Terminal.say(pipeline.text) }
      }
    }
    guard explain else { return }
    let explanation = try Explanation(Restorer(model: model, multiple: multiple, options: options))
    for source in try InputList(pictures, files.inputOptions).sources {
      Terminal.say(try explanation.text(source.path.text))
    }
  }
}
