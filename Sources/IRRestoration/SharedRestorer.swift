import IRRuntime
import Synchronization

/// A restorer for several threads and tasks. It runs one restoration at a time; the others wait. A
/// restoration can be cancelled: its threads look every ten milliseconds while a program runs.
///
/// ```swift
/// let restorer = try SharedRestorer(model: "symunet-s")
/// let restored = try await restorer.restore(picture)
/// for try await event in restorer.restoration(of: picture) {
///   switch event {
///   case .progress(let share): print(share)
///   case .finished(let result): show(result.image)
///   }
/// }
/// ```
public final class SharedRestorer: Sendable {
  public enum Event: Sendable {
    /// The finished share of the restoration, 0...1; it never decreases, and may be told again.
    case progress(Double)
    /// The restoration's result: the last event.
    case finished(RestorationResult)
  }

  /// The model's file.
  public let path: String
  /// The upscaling factor: output side / input side.
  public let scale: Int
  private let turn = Mutex(())
  /// Used by the thread that has its turn.
  private nonisolated(unsafe) let restorer: Restorer
  private let watch: Watch
  private let kept = Atomic(0)

  /// Reads a model, as `Restorer` does.
  /// - Throws: as `Restorer`.
  public init(
    model: String, in catalogue: ModelCatalogue = .installed(), options: RuntimeOptions = RuntimeOptions(),
    settings: RestorationSettings = RestorationSettings()
  ) throws {
    let watch = Watch()
    var options = options
    let own = options.monitor
    options.monitor = { done, count in (own?(done, count) ?? true) && watch.goesOn(done, count) }
    let restorer = try Restorer(model: model, in: catalogue, options: options, settings: settings)
    self.restorer = restorer
    self.watch = watch
    path = restorer.path
    scale = restorer.scale
  }

  /// Plans the restoration of an image of this size within `limit` bytes, its result included. A restoration
  /// within the same limit follows the plan. The call waits until no restoration runs.
  /// - Throws: as `Restorer.plan`.
  public func plan(
    width: Int, height: Int, channelCount: Int, within limit: Int
  ) throws -> RestorationPlan {
    try turn.withLock { _ in
      try restorer.plan(
        width: width, height: height,
        holding: restorer.resultByteCount(width: width, height: height, channelCount: channelCount),
        within: limit)
    }
  }

  /// Bytes that the result for an image of this size takes.
  public func resultByteCount(width: Int, height: Int, channelCount: Int) -> Int {
    restorer.resultByteCount(width: width, height: height, channelCount: channelCount)
  }

  /// Bytes of memory that is kept for the next images, besides the weights.
  public var keptByteCount: Int { kept.load(ordering: .relaxed) }

  /// Releases this memory, unless a restoration runs.
  /// - Returns: whether it was released.
  public func dropSessions() -> Bool {
    turn.withLockIfAvailable { _ -> Bool in
      restorer.dropSessions()
      kept.store(0, ordering: .relaxed)
      return true
    } ?? false
  }

  /// Restores an image on the calling thread.
  /// - Parameters:
  ///   - image: The image.
  ///   - strength: The strength for this image; nil: the settings'.
  ///   - limit: The limit in bytes, as for `plan`; nil: the options'.
  ///   - goesOn: Receives the finished share, 0...1. The restoration ends if it returns false. It must not
  ///     use this restorer.
  /// - Returns: the restored image, the plan, and warnings about suspicious changes.
  /// - Throws: `RestorationError`, `RuntimeError`; `RuntimeError.cancelled` if `goesOn` returned false.
  public func restoration(
    of image: Image, strength: Double? = nil, within limit: Int? = nil,
    goesOn: @escaping (Double) -> Bool
  ) throws -> RestorationResult {
    try turn.withLock { _ in
      watch.begin(goesOn)
      let settings = restorer.settings
      defer {
        watch.end()
        restorer.settings = settings
        kept.store(restorer.keptByteCount, ordering: .relaxed)
      }
      if let strength { try restorer.blend(by: strength) }
      let plan = try restorer.plan(
        width: image.width, height: image.height, holding: restorer.resultByteCount(image), within: limit)
      return try restorer.restoration(of: image, by: plan) { [watch] in watch.beginTile($0, of: $1) }
    }
  }

  /// The results of the model's routers on an image, the likeliest first, and the number of routers; waits
  /// for its turn. `goesOn` is as `restoration` takes it.
  /// - Throws: as `Restorer.opinions`, and `RuntimeError.cancelled` if `goesOn` ended it.
  public func opinions(
    of image: Image, goesOn: @escaping (Double) -> Bool
  ) throws -> (opinions: [RouterOpinion], routerCount: Int) {
    try turn.withLock { _ in
      watch.begin(goesOn)
      defer {
        watch.end()
        kept.store(restorer.keptByteCount, ordering: .relaxed)
      }
      return try restorer.opinions(of: image)
    }
  }

  /// The bytes that `opinions` takes for an image of these sides.
  /// - Throws: as `opinions`.
  public func opinionByteCount(width: Int, height: Int) throws -> Int {
    try turn.withLock { _ in try restorer.opinionByteCount(width: width, height: height) }
  }

  /// Restores an image on a thread of its own.
  /// - Throws: `RestorationError`, `RuntimeError`; `CancellationError` if the task is cancelled.
  public func restore(_ image: Image) async throws -> Image {
    let flag = Flag()
    return try await withTaskCancellationHandler {
      try await onThread { try self.restoration(of: image) { _ in !flag.isSet }.image }
    } onCancel: {
      flag.set()
    }
  }

  /// Restores an image on a thread of its own, with events about its progress. Ending the iteration ends the
  /// restoration.
  public func restoration(of image: Image) -> AsyncThrowingStream<Event, any Error> {
    AsyncThrowingStream(bufferingPolicy: .unbounded) { events in
      startThread {
        do {
          let result = try self.restoration(of: image) { share in
            if case .terminated = events.yield(.progress(share)) { false } else { true }
          }
          events.yield(.finished(result))
          events.finish()
        } catch {
          events.finish(throwing: error)
        }
      }
    }
  }
}

private final class Flag: Sendable {
  private let value = Atomic(false)
  var isSet: Bool { value.load(ordering: .relaxed) }
  func set() { value.store(true, ordering: .relaxed) }
}

/// The progress of the restoration that has its turn: steps of programs as a share of all tiles. Turns and
/// mirrorings run a program again for the same tile, so that the share may stand still.
private final class Watch: Sendable {
  private struct State {
    var goesOn: ((Double) -> Bool)?
    var tile = 0
    var tileCount = 1
    var done = 0.0
  }

  private nonisolated(unsafe) var state = State()

  func begin(_ goesOn: @escaping (Double) -> Bool) { state = State(goesOn: goesOn) }
  func end() { state = State() }
  func beginTile(_ tile: Int, of count: Int) { (state.tile, state.tileCount) = (tile, max(1, count)) }

  func goesOn(_ step: Int, _ count: Int) -> Bool {
    let share = (Double(state.tile) + Double(step) / Double(count)) / Double(state.tileCount)
    state.done = min(1, max(state.done, share))
    return state.goesOn?(state.done) ?? true
  }
}
