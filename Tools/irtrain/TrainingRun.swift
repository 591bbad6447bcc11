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
  private let checkpointPath: String
  private let reportPath: String

  init(_ command: Train) throws {
    self.command = command
    path = try ModelCatalogue.path(of: command.model)
    model = try ONNXModel(contentsOf: path)
    let stem = String(command.output.dropLast(5))
    checkpointPath = stem + ".checkpoint"
    reportPath = command.report ?? stem + ".html"
    let channels = try DataOptions.channelCount(model, path)
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
      fixedSide: try DataOptions.fixedSide(model))
    data = try command.source.data(channelCount: channels, heldOut: held)
    // Pictures that cannot be used are told before anything takes time.
    _ = try data.batch(at: 0)
    trainer = try command.options.trainer(
      model, path: path, batch: command.source.size, taskCount: data.taskCount, stepCount: command.steps)
    log = try RunLog(path: command.log ?? stem + ".jsonl", isResumed: command.resume)
  }

  func run() throws {
    try resumeWhereAsked()
    announce()
    Interruption.delay("finishing this step, then stopping; interrupt again to stop now")
    let loader = BatchLoader(data, from: trainer.state.step, to: command.steps)
    defer { loader.stop() }
    let progress = TrainingProgress(total: command.steps, from: trainer.state.step)
    if trainer.state.step == 0 {
      let start = try progress.pause {
        try validator.measure(model: path, options: command.options.runtime)
      }
      log.add(.validation(step: 0, start))
      progress.note("before the first step: " + Validator.text(start))
    }
    var accuracies: [Double] = []
    var (lossSum, lossCount, lastNorm) = (0.0, 0, 0.0)
    while trainer.state.step < command.steps {
      let batch = try loader.next()
      let report = try trainer.step(images: batch.images, targets: batch.targets, tasks: batch.tasks)
      (lossSum, lossCount, lastNorm) = (lossSum + report.loss, lossCount + 1, report.gradientNorm)
      if let accuracy = report.routerAccuracy { accuracies.append(accuracy) }
      if report.step % command.logEvery == 0 || report.step == command.steps {
        let mean = lossSum / Double(lossCount)
        let accuracy = accuracies.isEmpty ? nil : accuracies.reduce(0, +) / Double(accuracies.count)
        log.add(
          .step(
            step: report.step, loss: mean, gradientNorm: lastNorm, rate: report.learningRate,
            routerAccuracy: accuracy, seconds: progress.elapsed))
        progress.show(step: report.step, loss: mean, routerAccuracy: accuracy)
        (lossSum, lossCount, accuracies) = (0, 0, [])
      } else {
        progress.show(step: report.step)
      }
      let isLast = report.step == command.steps
      if isLast || (command.validateEvery > 0 && report.step % command.validateEvery == 0) {
        try progress.pause { try validate(progress) }
      }
      if isLast || report.step % command.checkpointEvery == 0 { try checkpoint() }
      if let code = Interruption.requested {
        try checkpoint()
        progress.note("irtrain: interrupted after step \(report.step); continue with --resume")
        throw ExitCode(code)
      }
    }
    progress.note("\(command.output): \(trainer.state.step) steps; curves and samples: \(reportPath)")
  }

  private func resumeWhereAsked() throws {
    guard command.resume, FilePath(checkpointPath).exists else { return }
    let (state, settings) = try Checkpoint.read(checkpointPath, names: trainer.training.parameters)
    try command.check(settings, step: state.step, path: checkpointPath)
    try trainer.resume(state, path: checkpointPath)
    log.keep(upTo: state.step)
  }

  private func announce() {
    let count = trainer.state.values.reduce(0) { $0 + $1.elementCount }
    let plan = Double(trainer.program.memoryPlan.peakByteCount) / 1_048_576
    let start = trainer.state.step == 0 ? "" : ", going on from step \(trainer.state.step)"
    Terminal.complain(
      String(
        format: "%@: training %d weights in %d tensors, %d tensors frozen, %.2f GFLOP and %.0f MiB a step%@",
        path, count, trainer.training.parameters.count, trainer.training.frozen.count,
        2e-9 * Double(trainer.training.graph.multiplyAddCount), plan, start))
    if trainer.recomputedCount > 0 {
      Terminal.complain(
        "recomputing \(trainer.recomputedCount) activations in the backward pass to save memory")
    }
    let slow = Set(trainer.program.steps.filter(\.kernel.isReference).map(\.operatorName)).sorted()
    if !slow.isEmpty {
      Terminal.complain(
        "no fast kernel (using the reference implementation): \(slow.joined(separator: ", "))")
    }
  }

  private func checkpoint() throws {
    try Checkpoint.write(trainer.state, settings: try command.checkpointSettings(), to: checkpointPath)
    log.synchronize()
  }

  /// Freezes the model as it is now, restores the validation pictures with it and draws the report.
  private func validate(_ progress: TrainingProgress) throws {
    try model.replaceInitializers(trainer.result)
    model.setMetadata("training", "\(trainer.state.step) steps, \(command.settings["tasks"] ?? "")")
    // The meaning of the routers' outputs from now on.
    if trainer.training.routerCount > 0 {
      model.setMetadata(RestorerMetadata.Key.tasks, data.categories.joined(separator: ", "))
    }
    try model.write(to: command.output)
    let found = try validator.measure(model: command.output, options: command.options.runtime)
    log.add(.validation(step: trainer.state.step, found))
    progress.note("step \(trainer.state.step): " + Validator.text(found))
    let samples = try validator.samples(model: command.output, options: command.options.runtime)
    let page = RunReport(title: command.output, entries: log.entries, samples: samples).html
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
