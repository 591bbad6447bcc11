import Foundation
import IRInference
import IRRequests
import ImageRestoration
import Synchronization

/// A model that keeps memory for its next run, and gives it back when that is short.
protocol KeepsMemory: Sendable {
  var keptByteCount: Int { get }
  /// Gives it back, unless it runs.
  func giveBack()
}

extension SharedRestorer: KeepsMemory {
  func giveBack() { _ = dropSessions() }
}

extension InferenceSession: KeepsMemory {
  func giveBack() { _ = dropPrograms() }
}

/// Models by name, loaded when they are first asked for; the least lately used goes where there are too many.
package final class ModelStore: Sendable {
  /// Work whose memory is planned from its sides.
  struct Need: Hashable {
    var width: Int
    var height: Int
    var channelCount: Int
    /// The bytes that the plan may take; nil for work that is never cut into tiles.
    var limit: Int?
  }

  /// A model that is loaded, once for each restoration that may run.
  final class Entry<Model: KeepsMemory>: Sendable, KeepsMemory {
    let name: String
    /// One of them, to be asked what is the same for all.
    let model: Model
    private let all: [Model]
    /// Those that rest; planning and running take turns.
    private let resting: Mutex<[Model]>
    private let turn: Turns
    /// Bytes that work of a kind takes, as they were planned before.
    private let needs = Mutex<[Need: Int]>([:])
    private static var needLimit: Int { 256 }

    init(_ name: String, _ model: Model, _ others: [Model]) {
      (self.name, self.model) = (name, model)
      all = [model] + others
      resting = Mutex(others + [model])
      turn = Turns(1 + others.count)
    }

    /// Has the model work for nobody else.
    /// - Throws: what `body` throws, errors of the model by its name, and `Control.End`.
    func work<R>(_ control: Control, _ body: (Model) throws -> R) throws -> R {
      try turn.take(control) {
        // The one that worked last is the first again: others keep nothing while one is enough.
        let own = resting.withLock { $0.popLast() } ?? model
        defer { resting.withLock { $0.append(own) } }
        return try ModelErrors.naming(name) { try body(own) }
      }
    }

    /// The first of them that finds something finds it for all.
    func known<R>(_ find: (Model) -> R?) -> R? {
      for model in all { if let found = find(model) { return found } }
      return nil
    }

    var keptByteCount: Int { all.reduce(0) { $0 + $1.keptByteCount } }
    func giveBack() { for model in all { model.giveBack() } }

    /// The bytes that work takes; they are planned once, so that whoever comes later waits for no work.
    /// - Throws: as `work`.
    func need(_ need: Need, _ control: Control, _ plan: (Model) throws -> Int) throws -> Int {
      if let known = needs.withLock({ $0[need] }) { return known }
      let byteCount = try work(control, plan)
      needs.withLock { needs in
        if needs.count >= Self.needLimit { needs = [:] }
        needs[need] = byteCount
      }
      return byteCount
    }
  }

  /// One model may be loaded as a restorer of pictures and as a network on tensors.
  private struct Loaded {
    var name: String
    var entry: any AnyObject & KeepsMemory
  }

  private struct State {
    /// The latest used last.
    var loaded: [Loaded] = []
    /// Models that were unloaded and not loaded again.
    var unloaded: Set<String> = []
  }

  private let settings: ServerSettings
  private let ledger: MemoryLedger
  private let loading = Turns(1)
  private let condition = NSCondition()
  private nonisolated(unsafe) var state = State()
  private let seen = Mutex<(catalogue: ModelCatalogue, time: ContinuousClock.Instant)?>(nil)
  private static let freshness = Duration.seconds(1)

  package init(_ settings: ServerSettings, _ ledger: MemoryLedger) {
    (self.settings, self.ledger) = (settings, ledger)
    ledger.whenShort { [weak self] in self?.giveBack() }
  }

  private func locked<R>(_ body: (inout State) throws -> R) rethrows -> R {
    condition.lock()
    defer { condition.unlock() }
    return try body(&state)
  }

  /// The folders' models as they were less than a second ago, as they are where `isAnew`.
  private func catalogue(isAnew: Bool = false) -> ModelCatalogue {
    seen.withLock { seen in
      if !isAnew, let seen, seen.time.duration(to: .now) < Self.freshness { return seen.catalogue }
      let catalogue = ModelCatalogue.installed(first: settings.modelFolders)
      seen = (catalogue, .now)
      return catalogue
    }
  }

  /// The names that requests may use.
  package var names: [String] {
    let models = catalogue().models
    return (Array(models.keys) + ModelCatalogue.roles.filter { models[$0.value] != nil }.keys).sorted()
  }

  /// The names of the files behind them.
  var files: [String] { catalogue().models.keys.sorted() }

  package var loadedNames: Set<String> { locked { Set($0.loaded.map(\.name)) } }

  /// The file's own name behind a name. Paths are none: a client names what the server has.
  /// - Throws: `ServingError` for unknown names.
  func known(_ name: String) throws -> String {
    let own = ModelCatalogue.roles[name] ?? name
    guard catalogue().models[own] != nil || catalogue(isAnew: true).models[own] != nil else {
      throw ServingError(
        .notFound, "\(RestoreRequest.shown(name)): no such model; models are \(names.joined(separator: ", "))"
      )
    }
    return own
  }

  /// Whether requests may use a model that is known.
  func isAvailable(_ own: String) -> Bool { locked { !$0.unloaded.contains(own) } }

  /// A model that restores pictures.
  /// - Throws: `ServingError` for unknown names and unloaded models, the errors of models, `Control.End`.
  func restorer(_ name: String, _ control: Control) throws -> Entry<SharedRestorer> {
    try entry(name, control) { path in
      try (0..<settings.parallelCount).map { _ in
        try SharedRestorer(model: path, options: RuntimeOptions(threadCount: settings.threadsOfEach))
      }
    }
  }

  /// A model that computes tensors.
  /// - Throws: as `restorer`.
  func network(_ name: String, _ control: Control) throws -> Entry<InferenceSession> {
    try entry(name, control) { path in
      let model = try ONNXModel(contentsOf: path)
      return (0..<settings.parallelCount).map { _ in
        InferenceSession(
          model, name: name,
          options: RuntimeOptions(threadCount: settings.threadsOfEach, memoryByteCount: ledger.limit))
      }
    }
  }

  private func entry<Model: KeepsMemory>(
    _ name: String, _ control: Control, _ load: (String) throws -> [Model]
  ) throws -> Entry<Model> {
    let own = try known(name)
    guard isAvailable(own) else {
      throw ServingError.badRequest("\(own) was unloaded: load it first (/v2/repository/models/\(own)/load)")
    }
    if let found: Entry<Model> = used(own) { return found }
    return try loading.take(control) {
      if let found: Entry<Model> = used(own) { return found }
      // The content of released models is as released, else it is refused here.
      let path = try ModelErrors.naming(own) { try catalogue(isAnew: true).path(of: own) }
      try makeRoom(for: path)
      let models = try ModelErrors.naming(own) { try load(path) }
      let entry = Entry(own, models[0], Array(models.dropFirst()))
      locked { $0.loaded.append(Loaded(name: own, entry: entry)) }
      return entry
    }
  }

  private func used<Model>(_ name: String) -> Entry<Model>? {
    locked { state in
      guard let index = state.loaded.firstIndex(where: { $0.name == name && $0.entry is Entry<Model> }) else {
        return nil
      }
      state.loaded.append(state.loaded.remove(at: index))
      return state.loaded[state.loaded.count - 1].entry as? Entry<Model>
    }
  }

  /// Forgets the least lately used models until one more may be loaded. Models count by their number: no
  /// picture waits for one to go.
  /// - Throws: `ServingError` for a model that is larger than all that pictures may use.
  private func makeRoom(for path: String) throws {
    let size = (try? FileManager.default.attributesOfItem(atPath: path)[.size] as? Int) ?? 0
    // A model holds its file, its weights, and these packed for the kernels.
    let times = 3 * settings.parallelCount
    guard size <= ledger.limit / times else {
      throw ServingError(
        .contentTooLarge,
        "the model's file has \(size) bytes and takes \(times) times as many, of \(ledger.limit) that this server may "
          + "use (--memory)")
    }
    while true {
      let eldest = locked { state in
        state.loaded.count >= settings.modelCount ? state.loaded.removeFirst() : nil
      }
      guard let eldest else { break }
      ledger.keep(0, for: eldest.entry)
    }
  }

  /// Gives back a promise but for so many bytes, and notes what the model keeps, if it is loaded still.
  func settle<Model>(_ promise: MemoryLedger.Promise, _ entry: Entry<Model>, rest: Int = 0) {
    locked { state in
      let isLoaded = state.loaded.contains { $0.entry === entry }
      promise.shrink(to: rest, keeping: isLoaded ? entry.keptByteCount : 0, by: entry)
    }
  }

  /// Lets requests use a model, and loads it.
  /// - Throws: as `restorer`.
  func load(_ name: String, _ control: Control) throws {
    let own = try known(name)
    locked { _ = $0.unloaded.remove(own) }
    do { _ = try restorer(own, control) } catch is RestorationError { _ = try network(own, control) }
  }

  /// Forgets a model, which requests find no more until it is loaded again; those that run with it end as
  /// they would.
  /// - Throws: `ServingError` for unknown names.
  func unload(_ name: String) throws {
    let own = try known(name)
    let gone = locked { state in
      state.unloaded.insert(own)
      defer { state.loaded.removeAll { $0.name == own } }
      return state.loaded.filter { $0.name == own }
    }
    for model in gone { ledger.keep(0, for: model.entry) }
  }

  /// Gives back what models that rest keep for the next picture.
  private func giveBack() {
    for entry in locked({ $0.loaded.map(\.entry) }) {
      entry.giveBack()
      ledger.keep(entry.keptByteCount, for: entry)
    }
  }
}
