import ArgumentParser
import Foundation
import IRBatch
import IRCommandLine
import IRCompiler
import IRRuntime
import ImageRestoration

/// Says what becomes of each input, and counts.
final class Reporter: BatchMonitor {
  /// Nil if the inputs are not known before the run.
  private let total: Int?
  /// Whether the inputs are pictures of one stream, which are told apart by their numbers alone.
  private let isStream: Bool
  private let unreadableFolderCount: Int
  private let checks: CheckOptions
  private let files: FileOptions
  private let progress = ProgressLine()
  private let start = Date()
  private var times = KernelTimes()
  private var seenCount = 0
  private var keptCount = 0
  private var failureCount = 0
  private var memoryFailureCount = 0
  private var rejectsModel = false
  /// Of a stream: the pictures that were written, those of them with warnings, and the report of the only
  /// one.
  private var (doneCount, warnedCount) = (0, 0)
  private var onlyText: String?

  init(
    total: Int?, isStream: Bool = false, unreadableFolderCount: Int, _ checks: CheckOptions,
    _ files: FileOptions
  ) {
    self.total = total
    self.isStream = isStream
    self.unreadableFolderCount = unreadableFolderCount
    self.checks = checks
    self.files = files
  }

  func began(_ job: Job, index: Int) {
    guard !isStream else { return }
    guard let total else { return progress.show("\(index + 1): \(job.inputName)", isLast: true) }
    guard total > 1 else { return }
    let pace = Date().timeIntervalSince(start) / Double(max(index, 1))
    let rest = index > 0 ? ", \(ProgressLine.remaining(pace * Double(total - index)))" : ""
    progress.show("\(index)/\(total) \(job.inputName)\(rest)", isLast: true)
  }

  func planned(_ job: Job, _ plan: RestorationPlan) {
    if checks.verbose { progress.note("\(job.inputName): \(plan)") }
  }

  func advanced(_ step: String, done: Int, of count: Int, since begin: ContinuousClock.Instant) {
    guard !isStream || doneCount == 0 else { return }
    let seconds = begin.duration(to: .now) / .seconds(1)
    progress.show("\(step)", done: done, of: count, since: Date(timeIntervalSinceNow: -seconds))
  }

  func ran(_ program: Program, _ profile: Profile) { times.add(program, seconds: profile.seconds) }

  func restored(_ job: Job) {
    if checks.profile { progress.note(times.text()) }
    times = KernelTimes()
  }

  /// Says what became of a file.
  /// - Returns: whether to go on.
  func report(_ outcome: ImageRun.Outcome) -> Bool {
    progress.clear()
    seenCount += 1
    switch outcome {
    case .kept(let job):
      keptCount += 1
      say(Report.Other(job, error: nil))
    case .done(let report):
      if isStream { return reportPicture(report) }
      if let warnings = report.warnings {
        let name = report.input == Job.stream.text ? Job.inputStreamName : report.input
        Terminal.warn("\(name): suspicious: \(warnings.sentence)")
      }
      if report.output == Job.stream.text {
        Terminal.complain(checks.json ? (try? JSONText.text(report)) ?? "" : report.text)
      } else if checks.json {
        say(report)
      } else {
        Terminal.say(report.text)
      }
    case .failed(let job, let error):
      // Errors about files name them; others are about the input at hand.
      let text = "\(error)"
      Terminal.warn(text.hasPrefix(job.inputName) ? text : "\(job.inputName): \(text)")
      say(Report.Other(job, error: error))
      failureCount += 1
      switch Failure(error) {
      case .model:
        rejectsModel = true
        return false
      case .memory: memoryFailureCount += 1
      case .file: break
      }
      return files.keepGoing
    }
    return true
  }

  /// A stream is no place for a line about each of its pictures, unless a program asks.
  private func reportPicture(_ report: Report) -> Bool {
    doneCount += 1
    if let warnings = report.warnings {
      warnedCount += 1
      if warnedCount == 1 {
        let name = doneCount == 1 ? Job.inputStreamName : "picture \(doneCount) of \(Job.inputStreamName)"
        Terminal.warn("\(name): suspicious: \(warnings.sentence)")
      }
    }
    let text = checks.json ? (try? JSONText.text(report)) ?? "" : report.text
    if report.output != Job.stream.text {
      Terminal.say(text)
    } else if checks.json {
      Terminal.complain(text)
    } else {
      onlyText = doneCount == 1 ? text : nil
      progress.show("picture \(doneCount), \(pace) a second")
    }
    return true
  }

  private var pace: String {
    String(format: "%.2f", Double(doneCount) / max(Date().timeIntervalSince(start), 1e-9))
  }

  private func say(_ line: some Encodable) {
    guard checks.json else { return }
    do { try Terminal.say(json: line) } catch { Terminal.warn("\(error)") }
  }

  /// Says what is left to say.
  /// - Throws: the exit code, unless all is well.
  func finish() throws {
    progress.clear()
    if let onlyText { Terminal.complain(onlyText) }
    if doneCount > 1 {
      let seconds = String(format: "%.1f", Date().timeIntervalSince(start))
      let warned = warnedCount > 0 ? ", \(warnedCount) of them suspicious" : ""
      Terminal.complain("\(doneCount) pictures in \(seconds) s, \(pace) a second\(warned)")
    }
    if keptCount > 0 {
      let reason =
        files.ifExists == .resume ? "were made of the same by an earlier run, and stay" : "exist and stay"
      Terminal.warn("\(keptCount) outputs \(reason)")
    }
    if rejectsModel { throw ExitCode.rejected }
    if failureCount > 0 {
      Terminal.warn("\(failureCount) of \(total ?? seenCount) files failed")
      throw failureCount == memoryFailureCount ? ExitCode.exceedsMemory : .someFailed
    }
    if unreadableFolderCount > 0 { throw ExitCode.someFailed }
  }
}

extension Batch {
  /// Says what is left out of the run.
  func announce() {
    if let text = known.leftOutText { Terminal.warn(text) }
    for error in known.unreadable { Terminal.warn("\(error)") }
    if known.skippedCount > 0 {
      Terminal.warn("\(known.skippedCount) outputs exist and are kept")
    }
  }
}
