import Foundation
import IRCommandLine
import IRDegradation
import IRImage
import IRTensor
import IRTraining
import ImageRestoration

/// Decisions of a network's routers, counted by the true task of each picture.
struct RouterTable: Encodable {
  struct Row: Encodable {
    var set: String
    var task: String
    /// The expert of the task, by its name; nil if the model has none of that name.
    var expert: Int?
    /// Decisions by expert, of all routers and pictures.
    var decisions: [Int]
    /// Pictures by the expert that the routers together hold likeliest.
    var pictures: [Int]
    /// Right decisions by router, in order of execution.
    var rightByRouter: [Int]

    var decisionAccuracy: Double? { Self.share(of: expert, in: decisions) }
    var pictureAccuracy: Double? { Self.share(of: expert, in: pictures) }

    private static func share(of expert: Int?, in counts: [Int]) -> Double? {
      let sum = counts.reduce(0, +)
      return expert.flatMap {
        sum > 0 && counts.indices.contains($0) ? Double(counts[$0]) / Double(sum) : nil
      }
    }
  }

  /// The experts' names; numbers where the model does not say.
  private(set) var experts: [String]
  private(set) var rows: [Row] = []

  /// Nil where the model has no output `routing`.
  init?(_ restorer: Restorer) {
    guard restorer.model.metadata.hasRouting else { return nil }
    experts = restorer.model.metadata.routedTasks
  }

  /// Begins with a task of a set.
  mutating func begin(set: String, _ task: TrainingTask) {
    let expert = experts.firstIndex(of: task.category)
    rows.append(
      Row(
        set: set, task: task.name, expert: expert, decisions: [], pictures: [], rightByRouter: [])
    )
  }

  /// Counts what the routers say of a picture of the task begun last.
  mutating func add(_ restorer: Restorer, _ image: Image) throws {
    guard let routing = try restorer.routing(of: image), routing.shape.rank == 3,
      routing.shape[0] == 1, routing.shape[2] > 0, var row = rows.last,
      row.decisions.isEmpty
        || (row.rightByRouter.count, row.decisions.count) == (routing.shape[1], routing.shape[2])
    else {
      throw RestorationError.notARestorer(
        path: restorer.path, detail: "its routing is not [1, learners, experts] for all pictures")
    }
    let count = routing.shape[2]
    while experts.count < count { experts.append("expert \(experts.count)") }
    let values = routing.doubles
    if row.decisions.isEmpty {
      (row.decisions, row.pictures) = ([Int](repeating: 0, count: count), [Int](repeating: 0, count: count))
      row.rightByRouter = [Int](repeating: 0, count: routing.shape[1])
    }
    var sums = [Double](repeating: 0, count: count)
    for router in row.rightByRouter.indices {
      let opinion = Array(values[(router * count)..<((router + 1) * count)])
      let decision = Self.likeliest(opinion)
      row.decisions[decision] += 1
      if decision == row.expert { row.rightByRouter[router] += 1 }
      for expert in 0..<count { sums[expert] += opinion[expert] }
    }
    row.pictures[Self.likeliest(sums)] += 1
    rows[rows.count - 1] = row
  }

  private static func likeliest(_ values: [Double]) -> Int {
    values.indices.max { (values[$0], -$0) < (values[$1], -$1) } ?? 0
  }

  /// Lines of a table: the share of decisions by expert, and the two accuracies.
  var lines: [String] {
    var table = TextTable(["set", "task"] + experts + ["right", "right, all routers together"])
    func percent(_ share: Double?) -> String { share.map { String(format: "%.1f %%", 100 * $0) } ?? "–" }
    for row in rows {
      let sum = max(row.decisions.reduce(0, +), 1)
      let shares = row.decisions.map { percent(Double($0) / Double(sum)) }
      table.rows.append(
        [row.set, row.task] + shares + [percent(row.decisionAccuracy), percent(row.pictureAccuracy)])
    }
    let known = rows.filter { $0.expert != nil }
    if known.count > 1 {
      func mean(_ key: KeyPath<Row, Double?>) -> Double {
        known.reduce(0) { $0 + ($1[keyPath: key] ?? 0) } / Double(known.count)
      }
      table.rows.append(
        ["", "average"] + experts.map { _ in "" }
          + [percent(mean(\.decisionAccuracy)), percent(mean(\.pictureAccuracy))])
    }
    var result = ["", "Routers, decisions by expert:", ""] + table.markdown
    if let routers = known.map(\.rightByRouter.count).max(), routers > 1 {
      let rows = known.map { row in
        let pictures = Double(max(row.pictures.reduce(0, +), 1))
        return [row.set, row.task] + row.rightByRouter.map { percent(Double($0) / pictures) }
      }
      result += ["", "Right by router, in order of execution:", ""]
      result += TextTable(["set", "task"] + (1...routers).map(String.init), rows).markdown
    }
    return result
  }
}
