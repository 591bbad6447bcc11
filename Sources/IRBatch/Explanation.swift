import Foundation
import ImageRestoration

/// The degradations that the routers of a network detect in pictures.
package struct Explanation {
  private let restorer: Restorer

  /// - Throws: `RestorationError.notARestorer` if the model has no output `routing`.
  package init(_ restorer: Restorer) throws {
    self.restorer = restorer
    try restorer.requireRouters()
  }

  /// The degradations of the picture of a file, the likeliest first.
  package func text(_ path: String) throws -> String {
    let (opinions, routerCount) = try restorer.opinions(of: ImageFile.read(path))
    let lines = opinions.map { opinion in
      let percent = String(format: "%5.1f %%", 100 * opinion.share)
      return "  \(percent)  \(opinion.task), chosen by \(opinion.votes) of \(routerCount) routers"
    }
    return (["\(path):"] + lines).joined(separator: "\n")
  }
}
