import IRDegradation

/// One of the things that a restorer learns to undo, and how often it is shown.
public struct TrainingTask: Hashable, Sendable {
  public var degradation: Degradation
  public var weight: Double

  public init(_ degradation: Degradation, weight: Double = 1) {
    self.degradation = degradation
    self.weight = weight
  }

  /// What a router is to call it: the degradation without its strength, so that noise of every σ is one.
  public var category: String {
    String(degradation.name.split(separator: "+").map { $0.prefix { $0.isLetter } }.joined(separator: "+"))
  }

  /// Reads `noise25,rain:2`: names of degradations with weights, separated by commas.
  /// - Throws: `DegradationError`.
  public static func list(_ text: String) throws -> [TrainingTask] {
    try text.split(separator: ",").map { entry in
      let parts = entry.split(separator: ":", maxSplits: 1).map(String.init)
      let weight = parts.count > 1 ? Double(parts[1]) : 1
      guard let weight, weight > 0, weight.isFinite else {
        throw DegradationError.range(text: String(entry), detail: "the weight must be a positive number")
      }
      return TrainingTask(try Degradation(parts[0]), weight: weight)
    }
  }

  /// The categories of tasks in order of appearance.
  public static func categories(_ tasks: [TrainingTask]) -> [String] {
    var result: [String] = []
    for task in tasks where !result.contains(task.category) { result.append(task.category) }
    return result
  }
}
