import ArgumentParser

/// Height and width, as `512x768`, each 1...65536.
package struct Sides: ExpressibleByArgument, Hashable, Sendable {
  package var height, width: Int

  package init(height: Int, width: Int) {
    self.height = height
    self.width = width
  }

  package init?(argument: String) {
    let sides = argument.lowercased().split(separator: "x", omittingEmptySubsequences: false).map { Int($0) }
    guard sides.count == 2, let height = sides[0], let width = sides[1], (1...65536).contains(height),
      (1...65536).contains(width)
    else { return nil }
    self.init(height: height, width: width)
  }

  package var defaultValueDescription: String { "\(height)x\(width)" }
}
