import IRGraph
import IRRewriting
import IRTensor

/// How far an output pixel of an image network looks: the margin that a tile needs around its core so that
/// the core comes out as in the whole image, and the grid that tiles must start on so that strides and blocks
/// fall into step.
package struct ReceptiveField: Hashable, Sendable {
  /// Input pixels that an output pixel depends on to the last bit before and after its own place, the larger
  /// of both and of height and width. Where kernels round several results together, it is those that all
  /// depend on.
  package var margin: Int
  /// Tiles begin at multiples of this in the input.
  package var alignment: Int

  /// Why a network has none: an operator by which every output depends on the whole image, or one of which
  /// that is not known.
  package struct Unbounded: Error, Hashable, Sendable, CustomStringConvertible {
    package var node: String
    package var `operator`: String
    package var reason: String

    package init(node: String, operator: String, reason: String) {
      self.node = node
      self.operator = `operator`
      self.reason = reason
    }

    package var description: String { "\(node) (\(`operator`)) \(reason)" }
  }

  /// The receptive field of a graph's first output in its input `[N, C, H, W]`, as the graph's own sizes have
  /// it. Margins that grow with the sizes are not seen here: compare graphs of two sizes.
  package static func of(
    _ graph: Graph, input: ValueID, output: ValueID, kernels: any KernelLibrary
  ) -> Result<Self, Unbounded> {
    var walk = FootprintWalk(graph: graph, input: input, winograd: kernels.support.winograd)
    return walk.footprint(of: output).map { footprint in
      // A footprint reaches down by at most its rounding more than the interval says.
      let reach = footprint.spans.flatMap { [-$0.low, $0.high] }.max() ?? 0
      return Self(margin: max(0, Int(reach.rounded(.up))), alignment: walk.alignment)
    }
  }
}

/// The part of the input that one value of a graph depends on: the axes of height and width, and for each the
/// input positions that position `i` depends on: `i * scale + low ... i * scale + high`.
struct Footprint: Hashable {
  struct Span: Hashable {
    var numerator = 1
    var denominator = 1
    var low = 0.0
    var high = 0.0

    var scale: Double { Double(numerator) / Double(denominator) }

    mutating func multiplyScale(_ a: Int, _ b: Int) {
      let (n, d) = (numerator * a, denominator * b)
      let divisor = greatestCommonDivisor(n, d)
      (numerator, denominator) = (n / divisor, d / divisor)
    }

    /// For results whose position `j` takes source positions `j * ratio + first ... j * ratio + last`.
    func through(_ a: Int, over b: Int = 1, first: Double, last: Double) -> Self {
      var result = Self(
        numerator: numerator, denominator: denominator, low: low + first * scale, high: high + last * scale)
      result.multiplyScale(a, b)
      return result
    }

    func union(_ other: Self) -> Self? {
      guard numerator == other.numerator, denominator == other.denominator else { return nil }
      return Self(
        numerator: numerator, denominator: denominator, low: min(low, other.low), high: max(high, other.high))
    }
  }

  /// The axes of height and width; the same axis twice where they are one, height outermost.
  var axes: [Int]
  var spans: [Span]
  /// Height and width where they are one axis.
  var merged: [Int]?

  func union(_ other: Self) -> Self? {
    guard axes == other.axes, merged == other.merged, let first = spans[0].union(other.spans[0]),
      let second = spans[1].union(other.spans[1])
    else { return nil }
    return Self(axes: axes, spans: [first, second], merged: merged)
  }
}

/// Carries footprints from the input through the graph.
struct FootprintWalk {
  typealias Failure = ReceptiveField.Unbounded

  let graph: Graph
  private let input: ValueID
  private let winograd: WinogradForm?
  /// Nil for values that the input does not reach.
  private var known: [ValueID: Footprint?] = [:]
  private(set) var alignment = 1

  init(graph: Graph, input: ValueID, winograd: WinogradForm?) {
    self.graph = graph
    self.input = input
    self.winograd = winograd
    known[input] = Footprint(axes: [2, 3], spans: [Footprint.Span(), Footprint.Span()])
  }

  mutating func footprint(of output: ValueID) -> Result<Footprint, Failure> {
    for id in graph.nodesInOrder {
      let node = graph[id]
      let sources = node.inputs.map { known[$0] ?? nil }
      guard sources.contains(where: { $0 != nil }) else { continue }
      let rule = FootprintRule(node: node, graph: graph, sources: sources, winograd: winograd)
      func failure(_ reason: String) -> Result<Footprint, Failure> {
        .failure(Failure(node: node.name, operator: node.operator.name, reason: reason))
      }
      for (index, value) in node.outputs.enumerated()
      where graph.isOutput(value) || !graph.users(of: value).isEmpty {
        let result: Footprint
        switch rule.footprint(of: index) {
        case .success(let found): result = found
        case .failure(let reason): return failure(reason.text)
        }
        for span in result.spans {
          // Input positions from one first row or column of a square of results to the next.
          var step = span
          step.multiplyScale(rule.grid, 1)
          alignment = leastCommonMultiple(alignment, step.numerator)
          guard alignment <= 4096 else { return failure("needs tiles of over 4096 in step") }
        }
        known[value] = result
      }
    }
    guard case .some(.some(let footprint)) = known[output], footprint.axes == [2, 3], footprint.merged == nil
    else {
      return .failure(
        Failure(node: graph[output].name, operator: "output", reason: "is not an image of the input"))
    }
    return .success(footprint)
  }
}
