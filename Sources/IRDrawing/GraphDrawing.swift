import IRGraph

/// A drawing of a network as SVG: each block on the level of its picture's size, so that an encoder goes down
/// on the left, a decoder comes up on the right, and skips run across.
package struct GraphDrawing {
  private let network: BlockGraph
  private let rows: [Double]
  private let title: String

  private static let box = (width: 128.0, height: 54.0)
  private static let top = 84.0

  package init(_ graph: Graph, title: String) {
    network = BlockGraph(graph)
    rows = Set(network.blocks.map(\.reduction)).sorted()
    self.title = title
  }

  package var svg: String {
    let layout = BlockLayout(network.blocks, rows: rows, size: Self.box, top: Self.top)
    var drawing = SVG()
    drawing.text(title, 0, 16, size: 17, anchor: .start, isBold: true)
    drawing.text(
      "edges: channels × height × width; a level down is a smaller picture; dashed: skips", 0, 36, size: 11,
      anchor: .start, colour: "#52606d")
    for (row, reduction) in rows.enumerated() where rows.count > 1 {
      let y = layout.rowTops[row] - 17
      let label =
        reduction == 1
        ? "full size" : reduction > 1 ? "1/\(SVG.number(reduction))" : "×\(SVG.number(1 / reduction))"
      drawing.path("M0,\(SVG.number(y)) H\(SVG.number(layout.width))", colour: "#e4e7eb", width: 1)
      drawing.text(label, layout.width + 8, y + 4, size: 10, anchor: .start, colour: "#7b8794")
    }
    var arcCount = 0
    for edge in network.edges { draw(edge, layout, &arcCount, &drawing) }
    for (block, place) in zip(network.blocks, layout.places) { draw(block, place, &drawing) }
    return drawing.document()
  }

  private func draw(
    _ edge: BlockGraph.Edge, _ layout: BlockLayout, _ arcCount: inout Int, _ drawing: inout SVG
  ) {
    let (a, b) = (layout.places[edge.from], layout.places[edge.to])
    let n = SVG.number
    let isSkip = edge.to > edge.from + 1
    let colour = isSkip ? "#b0752a" : "#52606d"
    let path: String
    var label: (x: Double, y: Double)
    if a.segment == b.segment, a.x == b.x {
      // One above the other, in either direction.
      if isSkip {
        path = "M\(n(a.right)),\(n(a.middle)) h16 V\(n(b.middle)) H\(n(b.right + 1))"
        label = (a.right + 16, (a.middle + b.middle) / 2)
      } else {
        path =
          "M\(n(a.centre)),\(n(b.y > a.y ? a.bottom : a.y)) V\(n(b.y > a.y ? b.y - (network.blocks[edge.to].count > 1 ? 6 : 1) : b.bottom + 1))"
        label = (a.centre, (a.middle + b.middle) / 2 + 3.5)
      }
    } else if a.segment == b.segment {
      if isSkip {
        let y = a.y - 18 - 11 * Double(arcCount % 3)
        arcCount += 1
        path = "M\(n(a.centre + 12)),\(n(a.y)) V\(n(y)) H\(n(b.centre - 12)) V\(n(b.y - 1))"
        label = ((a.centre + b.centre) / 2, y + 3.5)
      } else {
        path = "M\(n(a.right)),\(n(a.middle)) H\(n(b.x - 1))"
        label = ((a.right + b.x) / 2, a.middle - 6)
      }
    } else if a.row == b.row {
      let turn = b.x - 18
      path = "M\(n(a.right)),\(n(a.middle)) H\(n(turn)) V\(n(b.middle)) H\(n(b.x - 1))"
      label = ((a.right + turn) / 2, a.middle + 3.5)
    } else if b.row > a.row {
      path = "M\(n(a.centre)),\(n(a.bottom)) V\(n(b.middle)) H\(n(b.x - 1))"
      label = (a.centre, (a.bottom + b.middle) / 2 + 3.5)
    } else {
      path = "M\(n(a.right)),\(n(a.middle)) H\(n(b.centre)) V\(n(b.bottom + 1))"
      label = (b.centre, (a.middle + b.bottom) / 2 + 3.5)
    }
    drawing.path(path, colour: colour, isDashed: isSkip, hasArrow: true)
    drawing.text(edge.label, label.x, label.y, size: 10.5, colour: colour, halo: true)
  }

  private func draw(_ block: BlockGraph.Block, _ place: BlockLayout.Place, _ drawing: inout SVG) {
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
