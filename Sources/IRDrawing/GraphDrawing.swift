import IRGraph

/// A drawing of a network as SVG: blocks from left to right, each on the level of its picture's size, so that
/// an encoder goes down, a decoder comes up, and skips run across.
public struct GraphDrawing {
  private let network: BlockGraph
  private let rows: [Double]
  private let title: String

  private static let box = (width: 118.0, height: 54.0)
  private static let gap = 74.0
  private static let rowHeight = 128.0
  private static let top = 66.0

  public init(_ graph: Graph, title: String) {
    network = BlockGraph(graph)
    rows = Set(network.blocks.map(\.reduction)).sorted()
    self.title = title
  }

  private struct Place {
    var x: Double
    var y: Double
    var row: Int
    var right: Double { x + box.width }
    var middle: Double { y + box.height / 2 }
    var bottom: Double { y + box.height }
    var centre: Double { x + box.width / 2 }
  }

  /// Columns: a block stands right of its predecessor, closer where it stands on another level.
  private func places(arcs: Double) -> [Place] {
    var x = 0.0
    var result: [Place] = []
    for (index, block) in network.blocks.enumerated() {
      let row = rows.firstIndex(of: block.reduction) ?? 0
      if index > 0 {
        let isSameRow = result[index - 1].row == row
        x += isSameRow ? Self.box.width + Self.gap : Self.box.width * 0.62 + 20
      }
      result.append(Place(x: x, y: Self.top + arcs + Double(row) * Self.rowHeight, row: row))
    }
    return result
  }

  private func isArc(_ edge: BlockGraph.Edge, _ places: [Place]) -> Bool {
    places[edge.from].row == places[edge.to].row
      && ((edge.from + 1)..<max(edge.to, edge.from + 1)).contains { places[$0].row == places[edge.from].row }
  }

  public var svg: String {
    var drawing = SVG()
    let flat = places(arcs: 0)
    let hasArcsOnTop = network.edges.contains { isArc($0, flat) && flat[$0.from].row == 0 }
    let places = places(arcs: hasArcsOnTop ? 46 : 0)
    drawing.text(title, 0, 16, size: 17, anchor: .start, isBold: true)
    drawing.text(
      "edges: channels × height × width; a level down is a smaller picture", 0, 36, size: 11, anchor: .start,
      colour: "#52606d")
    for (row, reduction) in rows.enumerated() where rows.count > 1 {
      let y = (places.first { $0.row == row }?.y ?? 0) - 14
      let label =
        reduction == 1
        ? "full size" : reduction > 1 ? "1/\(SVG.number(reduction))" : "×\(SVG.number(1 / reduction))"
      let right = (places.last?.right ?? 0)
      drawing.path("M0,\(SVG.number(y)) H\(SVG.number(right))", colour: "#e4e7eb", width: 1)
      drawing.text(label, right + 8, y + 4, size: 10, anchor: .start, colour: "#7b8794")
    }
    var arcCounts: [Int: Int] = [:]
    for edge in network.edges { draw(edge, places, &arcCounts, &drawing) }
    for (block, place) in zip(network.blocks, places) { draw(block, place, &drawing) }
    return drawing.document()
  }

  private func draw(
    _ edge: BlockGraph.Edge, _ places: [Place], _ arcCounts: inout [Int: Int], _ drawing: inout SVG
  ) {
    let (a, b) = (places[edge.from], places[edge.to])
    let n = SVG.number
    let isSkip = edge.to > edge.from + 1
    let colour = isSkip ? "#b0752a" : "#52606d"
    if isArc(edge, places) {
      let count = arcCounts[a.row, default: 0]
      arcCounts[a.row] = count + 1
      let y = a.y - 22 - 12 * Double(count % 3)
      let (start, end) = (a.centre + 12, b.centre - 12)
      drawing.path(
        "M\(n(start)),\(n(a.y)) V\(n(y + 8)) Q\(n(start)),\(n(y)) \(n(start + 8)),\(n(y)) H\(n(end - 8)) "
          + "Q\(n(end)),\(n(y)) \(n(end)),\(n(y + 8)) V\(n(b.y - 1))",
        colour: colour, isDashed: true, hasArrow: true)
      drawing.text(edge.label, (start + end) / 2, y + 3.5, size: 10, colour: colour, halo: true)
    } else if a.row == b.row {
      drawing.path(
        "M\(n(a.right)),\(n(a.middle)) H\(n(b.x - 1))", colour: colour, isDashed: isSkip, hasArrow: true)
      drawing.text(edge.label, (a.right + b.x) / 2, a.middle - 6, size: 10, colour: colour, halo: true)
    } else {
      let isDown = b.row > a.row
      let (y1, y2) = (isDown ? a.bottom : a.y, isDown ? b.y - 1 : b.bottom + 1)
      let (x1, x2) = (a.centre + 14, b.centre - 14)
      let middle = (y1 + y2) / 2
      drawing.path(
        "M\(n(x1)),\(n(y1)) C\(n(x1)),\(n(middle)) \(n(x2)),\(n(middle)) \(n(x2)),\(n(y2))", colour: colour,
        isDashed: isSkip, hasArrow: true)
      drawing.text(edge.label, (x1 + x2) / 2, middle + 4, size: 10, colour: colour, halo: true)
    }
  }

  private func draw(_ block: BlockGraph.Block, _ place: Place, _ drawing: inout SVG) {
    let colours: (fill: String, stroke: String) =
      switch block.kind {
      case .input, .output: ("#f5f7fa", "#9aa5b1")
      case .convolution: ("#d9eafc", "#5b8fc7")
      case .residual: ("#dff3e4", "#58a06d")
      case .attention: ("#f3e2f7", "#a566b8")
      case .resampling: ("#fdebd2", "#cf9440")
      case .other: ("#eceff3", "#8493a3")
      }
    let names = block.nodes.prefix(40).map { "\($0)" }.joined(separator: ", ")
    if block.count > 1 {
      drawing.rectangle(
        place.x + 5, place.y - 5, Self.box.width, Self.box.height, fill: colours.fill, stroke: colours.stroke,
        radius: 7)
    }
    drawing.rectangle(
      place.x, place.y, Self.box.width, Self.box.height, fill: colours.fill, stroke: colours.stroke,
      radius: 7, title: names)
    let times = block.count > 1 ? "\(block.count) × " : ""
    let lines = Self.wrapped(times + block.title, 19)
    let start = place.middle - Double(lines.count - (block.detail.isEmpty ? 1 : 0)) * 6.5 + 3
    for (index, line) in lines.enumerated() {
      drawing.text(line, place.centre, start + 13 * Double(index), size: 11.5, isBold: true)
    }
    if !block.detail.isEmpty {
      drawing.text(
        block.detail, place.centre, start + 13 * Double(lines.count) + 1, size: 10, colour: "#52606d")
    }
  }

  private static func wrapped(_ text: String, _ length: Int) -> [String] {
    var lines = [""]
    for word in text.split(separator: " ") {
      let last = lines[lines.count - 1]
      if last.isEmpty {
        lines[lines.count - 1] = String(word.prefix(length))
      } else if last.count + word.count + 1 <= length {
        lines[lines.count - 1] = "\(last) \(word)"
      } else {
        lines.append(String(word.prefix(length)))
      }
    }
    return lines.count > 2 ? [lines[0], "\(lines[1])…"] : lines
  }
}
