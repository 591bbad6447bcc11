import IRCommandLine
import IRCompiler
import IRTraining

/// The steps since the last line of the log.
struct LogWindow {
  private var lossSum = 0.0
  private var stepCount = 0
  private var accuracies: [Double] = []
  /// Seconds that batches had been waited for at its start.
  var waited: Double
  /// Seconds of the run at its start.
  private let start: Double

  init(waited: Double, at start: Double) {
    self.waited = waited
    self.start = start
  }

  mutating func add(_ report: Trainer.Report) {
    lossSum += report.loss
    stepCount += 1
    if let accuracy = report.routerAccuracy { accuracies.append(accuracy) }
  }

  var loss: Double { lossSum / Double(max(stepCount, 1)) }

  /// Writes its line, and shows it.
  func write(_ last: Trainer.Report, waited now: Double, to log: RunLog, _ progress: TrainingProgress) {
    let accuracy = accuracies.isEmpty ? nil : accuracies.reduce(0, +) / Double(accuracies.count)
    let share = (now - waited) / max(progress.elapsed - start, 1e-9)
    log.add(
      .step(
        step: last.step, loss: loss, gradientNorm: last.gradientNorm, rate: last.learningRate,
        routerAccuracy: accuracy, seconds: progress.elapsed, waitingShare: share))
    progress.show(step: last.step, loss: loss, routerAccuracy: accuracy, waitingShare: share)
  }
}

extension Program {
  /// Says which operators of the program the reference interpreter computes.
  func complainOfReferenceKernels() {
    let slow = Set(steps.filter(\.kernel.isReference).map(\.operatorName)).sorted()
    if !slow.isEmpty {
      Terminal.complain(
        "no fast kernel (using the reference implementation): \(slow.joined(separator: ", "))")
    }
  }
}
