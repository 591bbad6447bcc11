/// One of the things that a restorer learns to undo, and how often it is shown.
package struct TrainingTask: Hashable, Sendable {
  package enum Source: Hashable, Sendable {
    /// Clean photographs, degraded.
    case degradation(Degradation)
    /// Photographs of the same scenes that came in pairs, degraded and clean.
    case pairs
  }

  package var source: Source
  /// A positive number; a task is drawn in proportion to it.
  package var weight: Double
  /// The class that a router gives it; tasks of one class have the same.
  package var category: String

  package init(_ degradation: Degradation, weight: Double = 1, category: String? = nil) {
    source = .degradation(degradation)
    self.weight = weight
    self.category = category ?? Self.category(of: degradation)
  }

  package init(pairsWithWeight weight: Double = 1, category: String? = nil) {
    source = .pairs
    self.weight = weight
    self.category = category ?? Self.pairsName
  }

  /// The name of the task that takes pairs.
  package static let pairsName = "pairs"

  /// As it was written, without weight and category.
  package var name: String {
    switch source {
    case .degradation(let degradation): degradation.name
    case .pairs: Self.pairsName
    }
  }

  /// The degradation, nil for pairs.
  package var degradation: Degradation? {
    if case .degradation(let degradation) = source { degradation } else { nil }
  }

  /// The degradation without its strength, so that noise of every σ is one class.
  private static func category(of degradation: Degradation) -> String {
    String(degradation.name.split(separator: "+").map { $0.prefix { $0.isLetter } }.joined(separator: "+"))
  }

  /// Reads `noise25,rain:2,camera+jpeg70-98=noise:3,pairs:2`: names of degradations, or `pairs`, with classes
  /// behind an equals sign and weights behind a colon, separated by commas.
  /// - Throws: `DegradationError`.
  package static func list(_ text: String) throws(DegradationError) -> [TrainingTask] {
    var tasks: [TrainingTask] = []
    for entry in text.split(separator: ",") {
      let parts = entry.split(separator: ":", maxSplits: 1).map(String.init)
      guard let weight = parts.count > 1 ? Double(parts[1]) : 1, weight > 0, weight.isFinite else {
        throw .range(text: String(entry), detail: "the weight must be a positive number")
      }
      let names = (parts.first ?? "").split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        .map(String.init)
      let category = names.count > 1 ? names[1] : nil
      guard category != "" else { throw .range(text: String(entry), detail: "the class has no name") }
      let name = names.first ?? ""
      tasks.append(
        name == pairsName
          ? TrainingTask(pairsWithWeight: weight, category: category)
          : TrainingTask(try Degradation(name), weight: weight, category: category))
    }
    return tasks
  }

  /// The categories of tasks in order of appearance.
  package static func categories(_ tasks: [TrainingTask]) -> [String] {
    var result: [String] = []
    for task in tasks where !result.contains(task.category) { result.append(task.category) }
    return result
  }
}
