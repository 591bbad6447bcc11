import ArgumentParser
import Foundation
import IRCommandLine
import IRDegradation
import IRDiffusion
import IRFiles
import IRImage
import IRModels
import IRTensor
import IRTraining

/// One run of `irtrain unires` from its first step to its last.
final class UniResRun {
  private let command: UniRes
  private let data: DiffusionData
  private let trainer: DiffusionTrainer
  private let validator: UniResValidator
  private let folder: UniResFolder
  private let log: RunLog
  private let settings: [String: String]
  private var phase = DiffusionData.Phase.trunk
  private var watch = DivergenceWatch()
  /// Seconds that the run had taken before it was resumed.
  private var elapsedBefore = 0.0
  /// Pixels along one of the latents.
  private static let factor = 4

  init(_ command: UniRes) throws {
    self.command = command
    let unet = try command.model.unet()
    let tasks = try command.source.taskList()
    let schedule = try NoiseSchedule(command.model.scheduler)
    let all = try ImageSet.images(in: command.source.clean)
    var held = Validator.heldOut(all)
    let trained = all.filter { !held.contains($0) }
    if held.isEmpty {
      Terminal.complain("fewer than ten photographs: some are used both for training and for validation")
      held = all
    }
    let set = try ImageSet(paths: trained, channelCount: 3)
    let size = command.source.size
    let network = TaskUNet(unet)
    let side = (height: size.height / Self.factor, width: size.width / Self.factor)
    let training = try DiffusionGraph(
      try network.graph(shape: [1, unet.inputChannels, side.height, side.width]))
    let start = try command.start.map { try DiffusionCheckpoint(contentsOf: $0, names: training.parameters) }
    let codec =
      try start?.codec
      ?? LinearCodec(fitting: set, channelCount: unet.outputChannels, factor: Self.factor)
    data = try DiffusionData(
      clean: set, tasks: tasks, seed: command.source.seed, batch: size, codec: codec,
      objective: DiffusionObjective(schedule, command.model.objective), emptyPrompt: TaskPrompts.empty,
      channelExponent: command.model.channelExponent)
    // Photographs that cannot be used are told before anything takes time.
    _ = try data.batch(at: 0, .trunk)
    trainer = try DiffusionTrainer(
      training,
      weights: try start?.state.averages(of: TaskPrompts.empty)
        ?? InitialWeights.fresh(try network.parameters(), seed: command.source.seed),
      count: size.count, options: command.options.trainerOptions(stepCount: command.stepLimit),
      runtime: command.options.runtime)
    validator = try UniResValidator(
      photographs: held, tasks: tasks, prompts: data.promptsByCategory, seed: command.source.seed,
      codec: codec, schedule: schedule, unet: unet, runtime: command.options.runtime)
    folder = UniResFolder(
      path: command.stem, unet: unet, scheduler: command.model.scheduler,
      storesHalfWeights: command.halfWeights)
    settings = try command.checkpointSettings(unet)
    log = try RunLog(path: command.stem + ".jsonl", isResumed: command.resume)
  }

  func run() throws {
    try resumeWhereAsked()
    announce()
    Interruption.delay("finishing this step, then stopping; interrupt again to stop now")
    let progress = TrainingProgress(
      command.time.map { .time($0.seconds) } ?? .steps(command.stepLimit), from: trainer.state.step,
      after: elapsedBefore)
    var loader = newLoader()
    defer { loader.stop() }
    if trainer.state.step == 0 {
      let start = try progress.pause { try validator.measure(trainer.state) }
      log.add(.validation(step: 0, start))
      progress.note("before the first step: " + Validator.text(start))
    }
    var window = LogWindow(waited: loader.secondsWaited, at: progress.elapsed)
    var isLast = progress.isOver(after: trainer.state.step)
    if isLast { try progress.pause { try validate(progress, isLast: true) } }
    while !isLast {
      if phase == .trunk, isTrunkDone(progress.elapsed) {
        loader.stop()
        trainer.part(into: data.prompts)
        phase = .experts
        progress.note("step \(trainer.state.step): from now on each task has a UNet of its own")
        loader = newLoader()
        // The new loader has not been waited for.
        window.waited = 0
      }
      let rate = command.timedSchedule.map { $0.rate(at: trainer.state.step, after: progress.elapsed) }
      let report = try trainer.step(try loader.next(), learningRate: rate)
      window.add(report)
      isLast = progress.isOver(after: report.step)
      if report.step % command.logEvery == 0 || isLast {
        window.write(report, waited: loader.secondsWaited, to: log, progress)
        if let least = watch.suspicious(window.loss) {
          progress.note(
            String(
              format: "step %d: the loss is %.5f, after %.5f: the run may be diverging", report.step,
              window.loss,
              least))
        }
        window = LogWindow(waited: loader.secondsWaited, at: progress.elapsed)
      } else {
        progress.show(step: report.step)
      }
      if isLast || (command.validateEvery > 0 && report.step % command.validateEvery == 0) {
        try progress.pause { try validate(progress, isLast: isLast) }
      }
      if isLast || report.step % command.checkpointEvery == 0 { try checkpoint(progress) }
      if let code = Interruption.requested {
        try checkpoint(progress)
        progress.note("irtrain: interrupted after step \(report.step); continue with --resume")
        throw ExitCode(code)
      }
    }
    progress.note("\(command.stem): \(trainer.state.step) steps; curves and samples: \(command.stem).html")
  }

  /// The batches from the step at hand to the end of the phase.
  private func newLoader() -> BatchLoader<DiffusionData.Batch> {
    let end = phase == .trunk && command.time == nil ? command.trunkStepCount : command.stepLimit
    return BatchLoader(from: trainer.state.step, to: max(end, trainer.state.step)) {
      [data = self.data, phase = self.phase] (step) throws(TrainingError) in try data.batch(at: step, phase)
    }
  }

  private func isTrunkDone(_ elapsed: Double) -> Bool {
    guard command.trunkShare < 1 else { return false }
    if let time = command.time { return elapsed >= command.trunkShare * time.seconds }
    return trainer.state.step >= command.trunkStepCount
  }

  private func resumeWhereAsked() throws {
    guard command.resume, FilePath(command.checkpointPath).exists else {
      try? FileManager.default.removeItem(atPath: command.checkpointPath)
      log.keep(upTo: -1)
      return
    }
    let found = try DiffusionCheckpoint(
      contentsOf: command.checkpointPath, names: trainer.training.parameters)
    elapsedBefore = try command.check(found, settings)
    try trainer.resume(found.state, path: command.checkpointPath)
    if !found.state.experts.isEmpty { phase = .experts }
    log.keep(upTo: trainer.state.step)
    for loss in log.entries.compactMap(\.loss) { _ = watch.suspicious(loss) }
  }

  private func announce() {
    let count = trainer.state.trunk.values.reduce(0) { $0 + $1.elementCount }
    Terminal.complain(
      String(
        format: "training %d weights in %d tensors, %.2f GFLOP and %.0f MiB a step", count,
        trainer.training.parameters.count,
        2e-9 * Double(trainer.training.graph.multiplyAddCount * command.source.batch),
        Double(trainer.arenaByteCount) / 1_048_576)
        + (trainer.state.step == 0 ? "" : ", going on from step \(trainer.state.step)"))
    IdleThreads.complain(batch: command.source.batch, imagesAtOnce: trainer.imagesAtOnce)
    trainer.program.complainOfReferenceKernels()
  }

  private func checkpoint(_ progress: TrainingProgress) throws {
    var found = settings
    if command.time != nil { found[UniRes.elapsedKey] = "\(progress.elapsed)" }
    try DiffusionCheckpoint(trainer.state, codec: data.codec, settings: found).write(
      to: command.checkpointPath)
    log.synchronize()
  }

  /// Writes the pipeline as it is now, restores the validation pictures with it and draws the report.
  private func validate(_ progress: TrainingProgress, isLast: Bool) throws {
    let state = trainer.state
    try folder.write(state, data.codec, training: "\(state.step) steps, \(command.source.tasks)")
    let found = try validator.measure(state)
    log.add(.validation(step: state.step, found))
    progress.note("step \(state.step): " + Validator.text(found))
    let page = RunReport(
      title: command.stem, entries: log.entries, samples: try validator.samples(state), isRefreshed: !isLast
    ).html
    try writeFile(page, to: command.stem + ".html")
  }
}
