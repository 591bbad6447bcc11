import IRRuntime
import Synchronization

/// A restorer that threads and tasks share: one restoration at a time has its turn, and can be ended between
/// two steps of a program.
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
    /// The share that is done, 0...1; it never falls.
    case progress(Double)
    /// The last event.
    case finished(RestorationResult)
  }

  public let path: String
  /// The side of a result / the side of its picture.
  public let scale: Int
  private let turn = Mutex(())
  /// Used by the thread that has its turn.
  private nonisolated(unsafe) let restorer: Restorer
  private let watch: Watch
  private let kept = Atomic(0)

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
    (self.restorer, self.watch, path, scale) = (restorer, watch, restorer.path, restorer.scale)
  }

  /// The plan for a picture of these sides and colours within `limit` bytes, its result included; waits for
  /// its turn. A restoration within the same limit goes by it.
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

  /// Bytes that the result for a picture takes.
  public func resultByteCount(width: Int, height: Int, channelCount: Int) -> Int {
    restorer.resultByteCount(width: width, height: height, channelCount: channelCount)
  }

  /// Bytes that it keeps for the next pictures, beside its weights.
  public var keptByteCount: Int { kept.load(ordering: .relaxed) }

  /// Gives these bytes back, unless a restoration has its turn.
  /// - Returns: whether it did.
  public func dropSessions() -> Bool {
    turn.withLockIfAvailable { _ -> Bool in
      restorer.dropSessions()
      kept.store(0, ordering: .relaxed)
      return true
    } ?? false
  }

  /// Restores a picture on this thread. `goesOn` is called with the share that is done, and ends the
  /// restoration when it says false; it must not use this restorer. `strength` and `limit` are those of this
  /// picture: instead of the settings', and as `plan` takes it.
  /// - Throws: `RestorationError`, `RuntimeError`, which is `.cancelled` where `goesOn` ended it.
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

  /// The opinions of the model's routers on a picture, the likeliest first, and how many routers there are;
  /// waits for its turn. `goesOn` is as `restoration` takes it.
  /// - Throws: as `Restorer.opinions`, and `RuntimeError.cancelled` where `goesOn` ended it.
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

  /// Bytes that these opinions take, of a picture of these sides.
  /// - Throws: as `opinions`.
  public func opinionByteCount(width: Int, height: Int) throws -> Int {
    try turn.withLock { _ in try restorer.opinionByteCount(width: width, height: height) }
  }

  /// Restores a picture on a thread of its own; ends with the task.
  /// - Throws: `RestorationError`, `RuntimeError`, and `CancellationError` where the task was cancelled.
  public func restore(_ image: Image) async throws -> Image {
    let flag = Flag()
    return try await withTaskCancellationHandler {
      try await onThread { try self.restoration(of: image) { _ in !flag.isSet }.image }
    } onCancel: {
      flag.set()
    }
  }

  /// Restores a picture on a thread of its own and says how far it is; ends when nobody listens any more.
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
