import Dispatch

/// Pictures that are being read and written around the one that is restored.
struct ImageQueue {
  enum Item {
    case loaded(Job, Promise<ImageReader.Loaded>)
    case kept(Job)
    case failed(Job, any Error)
  }

  private let jobs: any JobSource
  private let reader: ImageReader
  private let readAhead: Int
  private let reading = DispatchQueue(label: "read"), writing = DispatchQueue(label: "write")
  private var ahead: [Item] = []
  private var behind: [(Job, Promise<Report>)] = []
  /// A job whose picture is read when its turn has come.
  private var held: Job?
  private var isAtEnd = false
  /// Whether an outcome's receiver has ended the run.
  private var isOver = false

  init(_ jobs: any JobSource, _ reader: ImageReader, readAhead: Int) {
    self.jobs = jobs
    self.reader = reader
    self.readAhead = readAhead
  }

  /// The next picture, which may still be read; nil at the end, or if `handle` ends the run.
  mutating func next(_ handle: (ImageRun.Outcome) -> Bool) -> Item? {
    readOn(beside: false)
    if ahead.isEmpty, !isAtEnd {
      guard settle(0, handle) else { return nil }
      take(jobs.next(waits: true), beside: false)
    }
    return ahead.isEmpty ? nil : ahead.removeFirst()
  }

  /// Begins to read what is known of the next jobs; `isBusy` says that a picture is being restored meanwhile.
  mutating func readOn(beside isBusy: Bool) {
    if ahead.isEmpty, !isBusy, let job = held {
      held = nil
      load(job)
    }
    while held == nil, !isAtEnd, ahead.count <= readAhead {
      let next = jobs.next(waits: false)
      if case .notYet = next { return }
      take(next, beside: isBusy)
    }
  }

  private mutating func take(_ next: NextJob, beside isBusy: Bool) {
    switch next {
    case .job(let job):
      // A picture that takes much of the memory is not read beside others.
      if isBusy || !ahead.isEmpty, !reader.isSmall(job) { held = job } else { load(job) }
    case .kept(let job): ahead.append(.kept(job))
    case .failed(let job, let error): ahead.append(.failed(job, error))
    case .notYet: break
    case .end: isAtEnd = true
    }
  }

  private mutating func load(_ job: Job) {
    let reader = reader
    ahead.append(.loaded(job, Promise(on: reading) { try reader.load(job) }))
  }

  mutating func write(_ job: Job, _ finished: (ImageWriter.Finished, Report), _ writer: ImageWriter) {
    behind.append(
      (job, Promise(on: writing) { try writer.write(finished.0, for: job, finished.1) }))
  }

  /// Waits until at most so many pictures are being written, and hands over the others' outcomes.
  /// - Returns: whether the run goes on.
  mutating func settle(_ count: Int, _ handle: (ImageRun.Outcome) -> Bool) -> Bool {
    while behind.count > count {
      let (job, promise) = behind.removeFirst()
      let outcome: ImageRun.Outcome
      do { outcome = .done(try promise.wait()) } catch { outcome = .failed(job, error) }
      guard handle(outcome) else {
        isOver = true
        // Nothing may be half written when the process ends.
        for (_, promise) in behind { _ = try? promise.wait() }
        behind = []
        return false
      }
    }
    return !isOver
  }
}
