import ArgumentParser
import Foundation
import IRCommandLine
import IRDegradation
import IRFiles
import IRImage
import IRONNX
import IRRestorers
import IRTraining
import ImageRestoration

/// One run from its first step to its last.
final class TrainingRun {
  private let command: Train
  private let path: String
  private var model: ONNXModel
  private let data: TrainingData
  private let trainer: Trainer
  private let validator: Validator
  private let log: RunLog
  private let goodCheckpointPath: String
  private let reportPath: String
  private var watch = DivergenceWatch()
  /// The step of the first suspicious loss.
  private var suspectSince: Int?

  init(_ command: Train) throws {
    self.command = command
    path = try ModelCatalogue.path(of: command.model)
    model = try ONNXModel(contentsOf: path)
    goodCheckpointPath = command.stem + ".good.checkpoint"
    reportPath = command.report ?? command.stem + ".html"
    let ports = try DataOptions.ports(model, path)
    let tasks = try command.source.taskList()
    let held = command.validation == nil ? try command.source.heldOut() : []
    var chosen = try command.validation.map { try ImageSet.images(in: $0) } ?? held
    if chosen.isEmpty, let clean = command.source.clean {
      Terminal.complain("fewer than ten photographs: some are used both for training and for validation")
      chosen = try ImageSet.images(in: clean)
    }
    let pairs =
      command.source.pairs.isEmpty
      ? nil : try ImageSet.pairs(command.source.pairs[0], command.source.pairs[1])
    validator = Validator(
      clean: chosen, pairs: pairs, tasks: tasks, seed: command.source.seed,
      fixedSide: ports.image.fixedSide)
    data = try command.source.data(for: ports, heldOut: held)
    // Pictures that cannot be used are told before anything takes time.
    _ = try data.batch(at: 0)
    trainer = try command.options.trainer(
      model, path: path, batch: command.source.size, taskCount: data.taskCount, stepCount: command.stepLimit)
    log = try RunLog(path: command.log ?? command.stem + ".jsonl", isResumed: command.resume)
  }

  func run() throws {
    let elapsedBefore = try resumeWhereAsked()
    announce()
    Interruption.delay("finishing this step, then stopping; interrupt again to stop now")
    let loader = BatchLoader(data, from: trainer.state.step, to: command.stepLimit)
    defer { loader.stop() }
    let progress = TrainingProgress(
      command.timedSchedule.map { .time($0.seconds) } ?? .steps(command.stepLimit), from: trainer.state.step,
      after: elapsedBefore)
    if trainer.state.step == 0 {
      let start = try progress.pause {
        try validator.measure(model: path, options: command.options.runtime)
      }
      log.add(.validation(step: 0, start))
      progress.note("before the first step: " + Validator.text(start))
    }
    var window = LogWindow(waited: loader.secondsWaited, at: progress.elapsed)
    var isLast = progress.isOver(after: trainer.state.step)
    // Of a checkpoint of a finished run, whose model may be elsewhere.
    if isLast { try progress.pause { try validate(progress, isLast: true) } }
    while !isLast {
      let report = try step(loader, progress)
      window.add(report)
      isLast = progress.isOver(after: report.step)
      if report.step % command.logEvery == 0 || isLast {
        write(window, report, loader, progress)
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
    progress.note("\(command.output): \(trainer.state.step) steps; curves and samples: \(reportPath)")
  }

  private func step(_ loader: BatchLoader<TrainingData.Batch>, _ progress: TrainingProgress) throws
    -> Trainer.Report
  {
    let batch = try loader.next()
    let rate = command.timedSchedule.map { $0.rate(at: trainer.state.step, after: progress.elapsed) }
    do {
      return try trainer.step(
        images: batch.images, targets: batch.targets, tasks: batch.tasks, noiseLevels: batch.noiseLevels,
        learningRate: rate)
    } catch {
      let kept = [goodCheckpointPath, command.checkpointPath].first { FilePath($0).exists }
      if let kept { progress.note("\(kept): a checkpoint before that; irtrain export freezes it") }
      throw error
    }
  }

  /// Writes a line of the log.
  private func write(
    _ window: LogWindow, _ last: Trainer.Report, _ loader: BatchLoader<TrainingData.Batch>,
    _ progress: TrainingProgress
  ) {
    window.write(last, waited: loader.secondsWaited, to: log, progress)
    if let least = watch.suspicious(window.loss) {
      if suspectSince == nil {
        suspectSince = last.step
        let kept = keepCheckpoint() ? "; the checkpoint before is kept as \(goodCheckpointPath)" : ""
        progress.note(
          String(
            format: "step %d: the loss is %.5f, after %.5f: the run may be diverging%@", last.step,
            window.loss, least, kept))
      }
    } else {
      suspectSince = nil
    }
  }

  /// The last checkpoint under a name that later ones do not replace.
  /// - Returns: whether there is one.
  private func keepCheckpoint() -> Bool {
    guard FilePath(command.checkpointPath).exists else { return false }
    try? FileManager.default.removeItem(atPath: goodCheckpointPath)
    return (try? FileManager.default.copyItem(atPath: command.checkpointPath, toPath: goodCheckpointPath))
      != nil
  }

  /// - Returns: the seconds that the run had taken before, where it ends by the clock.
  private func resumeWhereAsked() throws -> Double {
    guard command.resume, FilePath(command.checkpointPath).exists else {
      // Checkpoints and lines of another run.
      for path in [command.checkpointPath, goodCheckpointPath] {
        try? FileManager.default.removeItem(atPath: path)
      }
      log.keep(upTo: -1)
      return 0
    }
    let (state, settings) = try Checkpoint.read(command.checkpointPath, names: trainer.training.parameters)
    let elapsed = try command.check(settings, step: state.step, path: command.checkpointPath)
    try trainer.resume(state, path: command.checkpointPath)
    log.keep(upTo: state.step)
    for loss in log.entries.compactMap(\.loss) { _ = watch.suspicious(loss) }
    return elapsed
  }

  private func announce() {
    let count = trainer.state.values.reduce(0) { $0 + $1.elementCount }
    let plan = Double(trainer.arenaByteCount) / 1_048_576
    let start = trainer.state.step == 0 ? "" : ", going on from step \(trainer.state.step)"
    Terminal.complain(
      String(
        format: "%@: training %d weights in %d tensors, %d tensors frozen, %.2f GFLOP and %.0f MiB a step%@",
        path, count, trainer.training.parameters.count, trainer.training.frozen.count,
        2e-9 * Double(trainer.multiplyAddCount), plan, start))
    if trainer.recomputedCount > 0 {
      Terminal.complain(
        "recomputing \(trainer.recomputedCount) activations in the backward pass to save memory")
    }
    IdleThreads.complain(batch: command.source.batch, imagesAtOnce: trainer.imagesAtOnce)
    trainer.program.complainOfReferenceKernels()
  }

  private func checkpoint(_ progress: TrainingProgress) throws {
    try Checkpoint.write(
      trainer.state, settings: try command.checkpointSettings(elapsed: progress.elapsed),
      to: command.checkpointPath)
    log.synchronize()
  }

  /// Freezes the model as it is now, restores the validation pictures with it and draws the report.
  private func validate(_ progress: TrainingProgress, isLast: Bool) throws {
    try model.replaceInitializers(trainer.result)
    model.setMetadata("training", "\(trainer.state.step) steps, \(command.source.taskText)")
    // The meaning of the routers' outputs from now on.
    if trainer.training.routerCount > 0 {
      model.setMetadata(RestorerMetadata.Key.tasks, data.categories.joined(separator: ", "))
    }
    try model.write(to: command.output)
    let found = try validator.measure(model: command.output, options: command.options.runtime)
    log.add(.validation(step: trainer.state.step, found))
    progress.note("step \(trainer.state.step): " + Validator.text(found))
    let samples = try validator.samples(model: command.output, options: command.options.runtime)
    let page = RunReport(
      title: command.output, entries: log.entries, samples: samples, isRefreshed: !isLast
    ).html
    try writeFile(page, to: reportPath)
  }
}

func writeFile(_ text: String, to path: String) throws {
  let file = try AtomicFile(replacing: FilePath(path))
  try file.write(Array(text.utf8))
  try file.synchronize()
  try file.replace()
}

extension ONNXModel {
  /// Sets one line of the model's free metadata.
  mutating func setMetadata(_ key: String, _ value: String) {
    metadata.removeAll { $0.key == key }
    metadata.append(ONNXProperty(key, value))
  }
}
