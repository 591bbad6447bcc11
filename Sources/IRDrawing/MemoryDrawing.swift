import IRCompiler

/// A program's arena over its steps: which bytes each buffer holds, and from when to when.
package struct MemoryDrawing {
  private let program: Program
  private let title: String

  package init(_ program: Program, title: String) {
    self.program = program
    self.title = title
  }

  /// Bytes that live buffers hold during each step.
  private var held: [Int] {
    var change = [Int](repeating: 0, count: program.steps.count + 2)
    for lifetime in program.memoryPlan.lifetimes where lifetime.start < change.count {
      change[lifetime.start] += lifetime.byteCount
      change[min(lifetime.end + 1, change.count - 1)] -= lifetime.byteCount
    }
    var sum = 0
    return change.prefix(max(1, program.steps.count)).map {
      sum += $0; return sum
    }
  }

  /// The name of a buffer: the step that begins it.
  private func name(_ index: Int) -> String {
    let (lifetime, offset) = (program.memoryPlan.lifetimes[index], program.memoryPlan.offsets[index])
    guard program.steps.indices.contains(lifetime.start) else { return "buffer \(index)" }
    let step = program.steps[lifetime.start]
    if step.workspaceOffset == offset { return "workspace of \(step.node)" }
    return step.node
  }

  /// Rows of text: the arena's use from the first step to the last, then what lives at the fullest.
  package var text: String {
    let held = held
    let peak = program.memoryPlan.peakByteCount
    var lines = ["arena of \(SizeText.bytes(peak)); held by live values:"]
    let rowCount = min(held.count, 40)
    for row in 0..<rowCount {
      let first = row * held.count / rowCount
      let next = Swift.max(first + 1, (row + 1) * held.count / rowCount)
      let most = held[first..<next].max() ?? 0
      let bar = String(repeating: "█", count: peak > 0 ? most * 50 / peak : 0)
      let label = "\(first)".leftPadded(5)
      lines.append("\(label)  \(SizeText.bytes(most).leftPadded(9))  \(bar)")
    }
    let fullest = held.indices.max { held[$0] < held[$1] } ?? 0
    lines.append("fullest at step \(fullest): \(SizeText.bytes(held.isEmpty ? 0 : held[fullest]))")
    for index in living(fullest).prefix(12) {
      let lifetime = program.memoryPlan.lifetimes[index]
      lines.append(
        "  \(SizeText.bytes(lifetime.byteCount).leftPadded(9))  steps \(lifetime.start) to \(lifetime.end)  \(name(index))"
      )
    }
    return lines.joined(separator: "\n")
  }

  private func living(_ step: Int) -> [Int] {
    let lifetimes = program.memoryPlan.lifetimes
    return lifetimes.indices.filter { lifetimes[$0].start <= step && step <= lifetimes[$0].end }
      .sorted { lifetimes[$0].byteCount > lifetimes[$1].byteCount }
  }

  package var svg: String {
    var drawing = SVG()
    let plan = program.memoryPlan
    let (left, top, width, height) = (74.0, 54.0, 1000.0, 380.0)
    let peak = Double(max(1, plan.peakByteCount))
    let stepCount = Double(max(1, program.steps.count))
    func x(_ step: Int) -> Double { left + width * Double(step) / stepCount }
    func y(_ byte: Int) -> Double { top + height * (1 - Double(byte) / peak) }
    drawing.text(title, 0, 16, size: 17, anchor: .start, isBold: true)
    drawing.text(
      "each box a buffer: from the step that makes it to the last that reads it, at its place in the arena of "
        + SizeText.bytes(plan.peakByteCount), 0, 36, size: 11, anchor: .start, colour: "#52606d")
    drawing.rectangle(left, top, width, height, fill: "#fbfcfd", stroke: "#cbd2d9")
    for tick in 0...4 {
      let bytes = plan.peakByteCount / 4 * tick
      drawing.path(
        "M\(SVG.number(left)),\(SVG.number(y(bytes))) h\(SVG.number(width))", colour: "#e4e7eb", width: 1)
      drawing.text(SizeText.bytes(bytes), left - 6, y(bytes) + 4, size: 10, anchor: .end, colour: "#52606d")
      let step = program.steps.count * tick / 4
      drawing.text("step \(step)", x(step), top + height + 16, size: 10, colour: "#52606d")
    }
    let palette = ["#5b8fc7", "#58a06d", "#cf9440", "#a566b8", "#c96a6a", "#4aa3a2", "#8d8f3f", "#7a7fd0"]
    for (index, lifetime) in plan.lifetimes.enumerated() where lifetime.byteCount > 0 {
      let end = min(lifetime.end + 1, program.steps.count)
      let (x0, x1) = (x(lifetime.start), max(x(end), x(lifetime.start) + 0.6))
      let (y0, y1) = (y(plan.offsets[index] + lifetime.byteCount), y(plan.offsets[index]))
      let isWorkspace = name(index).hasPrefix("workspace")
      let label =
        "\(name(index)): \(SizeText.bytes(lifetime.byteCount)), steps \(lifetime.start) to \(lifetime.end)"
      drawing.rectangle(
        x0, y0, x1 - x0, max(y1 - y0, 0.6), fill: isWorkspace ? "#9aa5b1" : palette[index % palette.count],
        stroke: "#ffffff", title: label, opacity: 0.85)
      if x1 - x0 > 90, y1 - y0 > 13 {
        let text = SizeText.bytes(lifetime.byteCount)
        drawing.text(text, (x0 + x1) / 2, (y0 + y1) / 2 + 4, size: 10, colour: "#ffffff")
      }
    }
    // The bytes of live values, as a line: the space above it is lost between buffers.
    let held = held
    var path = ""
    for (step, bytes) in held.enumerated() {
      path +=
        "\(step == 0 ? "M" : "L")\(SVG.number(x(step))),\(SVG.number(y(bytes))) H\(SVG.number(x(step + 1))) "
    }
    drawing.path(path, colour: "#1d2733", width: 1.2)
    drawing.text(
      "line: bytes of live values; grey: workspaces", left, top + height + 34, size: 10, anchor: .start,
      colour: "#52606d")
    return drawing.document()
  }
}

extension String {
  fileprivate func leftPadded(_ width: Int) -> String {
    String(repeating: " ", count: max(0, width - count)) + self
  }
}
