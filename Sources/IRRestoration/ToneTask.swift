/// Tasks that move the means of a picture when they are done well.
public enum ToneTask: String, Codable, Sendable, CaseIterable {
  case haze, rain, lowLight

  /// Each way to name the task, as words that follow each other; the last may be longer.
  private var names: [[String]] {
    switch self {
    case .haze: [["haze"], ["hazy"], ["dehaz"], ["fog"], ["defog"]]
    case .rain: [["rain"], ["derain"]]
    case .lowLight: [["lowlight"], ["low", "light"]]
    }
  }

  /// Whether the task lets a picture become darker; brighter otherwise.
  var darkens: Bool { self != .lowLight }

  var phrase: String {
    switch self {
    case .haze: "the removal of haze"
    case .rain: "the removal of rain"
    case .lowLight: "the brightening of low light"
    }
  }

  fileprivate func isNamed(in words: [String]) -> Bool {
    names.contains { name in
      words.indices.contains { start in
        let found = words[start...].prefix(name.count)
        return found.count == name.count && zip(found, name).allSatisfy { $0.hasPrefix($1) }
      }
    }
  }
}

/// The tone tasks among a model's tasks.
public struct ToneTasks: Hashable, Sendable {
  public var tasks: Set<ToneTask>
  /// Whether the model has no other task: whoever chose it asked for the shift.
  public var areAll: Bool

  public init(_ tasks: Set<ToneTask> = [], areAll: Bool = false) {
    self.tasks = tasks
    self.areAll = areAll && !tasks.isEmpty
  }

  /// Reads a list as a model's metadata state it: `noise, rain, haze`.
  public init(metadata: String) {
    let found = metadata.lowercased().split(separator: ",").map { entry in
      let words = entry.split { !$0.isLetter }.map(String.init)
      return ToneTask.allCases.filter { $0.isNamed(in: words) }
    }
    self.init(Set(found.joined()), areAll: found.allSatisfy { !$0.isEmpty })
  }

  /// The tasks that make a picture darker or brighter, as `shift` says.
  func explanations(of shift: Double) -> [ToneTask] {
    ToneTask.allCases.filter { tasks.contains($0) && $0.darkens == (shift < 0) }
  }
}
