import ArgumentParser
import Foundation
import IRCommandLine
import IRDegradation
import IRFiles
import IRTraining

/// A run that trains a composed model.
struct UniRes: ParsableCommand, RunLength {
  static let configuration = CommandConfiguration(
    commandName: "unires",
    abstract: "Trains a pipeline of composed tasks (UniRes) on clean photographs.",
    usage: """
      irtrain unires [options] --clean FOLDER --steps N -o FOLDER
      irtrain unires [options] --clean FOLDER --time T -o FOLDER
      """,
    discussion: """
      The model is a small latent diffusion model: a linear autoencoder, which is computed from the photographs, and a UNet \
      that is trained to denoise latents while it is shown those of a degraded photograph. It learns four tasks, each from \
      degradations of its own: sr (too few pixels), md (motion blur), dd (wrong focus), dn (noise). The first part of the \
      run trains one UNet on all tasks. Then each task goes on with a copy of it, on its own degradations alone.

      FOLDER is a pipeline, which irrun -m FOLDER restores with and composes. A run writes it at every validation. Beside \
      it, it writes FOLDER.checkpoint, FOLDER.jsonl (the log) and FOLDER.html (curves and samples). --resume continues an \
      interrupted run. The result has the same bytes as without the interruption, unless the run ends by --time.

      EXAMPLES
        irtrain unires --clean photos --time 2h -o my-pipeline
        irtrain unires --clean photos --steps 20000 --trunk-share 0.5 -o my-pipeline
        irtrain unires --clean photos --start first.checkpoint --trunk-share 0 --tasks noise5-50=dn --steps 3000 -o second
        irrun -m my-pipeline -i photo.jpg -o restored.jpg --weights sr=.4,dn=.6 --steps 4
      """)

  @OptionGroup(title: "Data") var source: UniResDataOptions

  @Option(help: "Number of training steps.")
  var steps: Int?

  @Option(
    help: """
      Length of the run, instead of --steps: 45m, 2h, 1h30m. It includes validations. The learning rate follows the clock.
      """)
  var time: TimeSpan?

  @Option(help: "With --time: length of the learning rate's decay, at the end. (default: the whole run)")
  var decayTime: TimeSpan?

  @Option(help: "Part of the run, 0 to 1, that trains one UNet on all tasks.")
  var trunkShare = 0.4

  @Option(help: "Checkpoint of another run, whose shared UNet this one starts from.", completion: .file())
  var start: String?

  @Option(name: [.customShort("o"), .long], help: "Folder to write.", completion: .directory)
  var output: String

  @Flag(name: .customLong("f16-weights"), help: "Store large weights as float16, half the bytes.")
  var halfWeights = false

  @Option(help: "Steps between validations; 0 validates at the end only.")
  var validateEvery = 500

  @Option(help: "Steps between checkpoints.")
  var checkpointEvery = 500

  @Option(help: "Steps between lines of the log.")
  var logEvery = 50

  @Flag(help: "Continue the run of FOLDER.checkpoint, if it exists.")
  var resume = false

  @Flag(help: "Overwrite the files of another run.")
  var overwrite = false

  @OptionGroup(title: "Model and objective") var model: UniResModelOptions

  @OptionGroup(title: "Optimization and resources") var options: UniResStepOptions

  /// The folder's path, which the run's other files share.
  var stem: String {
    var path = output
    while path.count > 1, path.hasSuffix("/") { path.removeLast() }
    return path
  }

  var checkpointPath: String { stem + ".checkpoint" }

  func validate() throws {
    try checkLength()
    guard (0...1).contains(trunkShare) else {
      throw ValidationError("--trunk-share is \(trunkShare), must be 0 to 1")
    }
    let files = [stem + "/model_index.json", checkpointPath]
    if !resume, !overwrite, let found = files.first(where: { FilePath($0).exists }) {
      throw ValidationError("\(found) exists: --resume continues its run, --overwrite begins a new one")
    }
  }

  func run() throws { try UniResRun(self).run() }
}
