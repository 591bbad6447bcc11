import Foundation
import IRRestorers
import IRTensor
import ImageRestoration

/// The degradations that the routers of a network detect in pictures.
package struct Explanation {
  private let restorer: Restorer
  private let tasks: [String]

  /// One degradation of one picture.
  private struct Opinion {
    var task: String
    /// The mean of the routers' shares.
    var share: Double
    var votes: Int
  }

  /// - Throws: `RestorationError.notARestorer` if the model has no output `routing`.
  package init(_ restorer: Restorer) throws {
    self.restorer = restorer
    guard restorer.model.metadata.hasRouting else {
      throw RestorationError.notARestorer(
        path: restorer.path,
        detail: "--explain needs a network with routers, whose file has an output "
          + "`\(RestorerMetadata.Key.routing)`")
    }
    tasks = restorer.model.metadata.routedTasks
  }

  /// The degradations of the picture of a file, the likeliest first.
  package func text(_ path: String) throws -> String {
    guard let routing = try restorer.routing(of: ImageFile.read(path)), routing.shape.rank == 3 else {
      throw RestorationError.notARestorer(
        path: restorer.path, detail: "its routing is not [N, learners, experts]")
    }
    let (learners, experts) = (routing.shape[1], routing.shape[2])
    let values = routing.doubles
    let opinions = (0..<experts).map { expert in
      let shares = (0..<learners).map { values[$0 * experts + expert] }
      let votes = (0..<learners).count { learner in
        let row = values[(learner * experts)..<((learner + 1) * experts)]
        return row.firstIndex(of: row.max() ?? 0) == row.startIndex + expert
      }
      return Opinion(
        task: tasks.indices.contains(expert) ? tasks[expert] : "expert \(expert)",
        share: shares.reduce(0, +) / Double(max(learners, 1)), votes: votes)
    }
    let lines = opinions.sorted { $0.share > $1.share }.map { opinion in
      let percent = String(format: "%5.1f %%", 100 * opinion.share)
      return "  \(percent)  \(opinion.task), chosen by \(opinion.votes) of \(learners) routers"
    }
    return (["\(path):"] + lines).joined(separator: "\n")
  }
}
