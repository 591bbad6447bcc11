import Foundation
import IRDrawing
import IRFiles

/// One page about a model that needs no other file.
struct HTMLReport {
  private let description: ModelDescription
  private let graph: String
  private let memory: MemoryDrawing

  init(_ description: ModelDescription, graph: String, memory: MemoryDrawing) {
    self.description = description
    self.graph = graph
    self.memory = memory
  }

  private func escaped(_ text: String) -> String {
    text.replacingOccurrences(of: "&", with: "&amp;").replacingOccurrences(of: "<", with: "&lt;")
      .replacingOccurrences(of: ">", with: "&gt;").replacingOccurrences(of: "\"", with: "&quot;")
  }

  private func table(_ heads: [String], _ rows: [[String]]) -> String {
    let head = heads.map { "<th>\(escaped($0))</th>" }.joined()
    let body = rows.map { row in
      "<tr>" + row.map { "<td>\(escaped($0))</td>" }.joined() + "</tr>"
    }.joined(separator: "\n")
    return "<table><thead><tr>\(head)</tr></thead><tbody>\n\(body)\n</tbody></table>"
  }

  private var facts: [[String]] {
    var rows = [
      ["file", FilePath(description.model).name.text],
      [
        "format",
        "ONNX, IR version \(description.irVersion), operator set \(description.operatorSet), by \(description.producer)",
      ],
    ]
    if !description.assumed.isEmpty { rows.append(["sizes", description.assumed.joined(separator: ", ")]) }
    rows += description.inputs.map { ["input", "\($0.name): \($0.type)"] }
    rows += description.outputs.map { ["output", "\($0.name): \($0.type)"] }
    rows += description.metadata.sorted { $0.key < $1.key }.map { [$0.key, $0.value] }
    rows += [
      ["parameters", SizeText.count(description.parameters)],
      ["multiply-adds", SizeText.count(description.multiplyAdds)],
      ["nodes imported", "\(description.importedNodes)"], ["steps compiled", "\(description.compiledSteps)"],
      ["arena", "\(SizeText.bytes(description.peakMemory)) with \(description.threads) threads"],
      [
        "without a fast kernel",
        description.referenceOperators.isEmpty
          ? "none" : description.referenceOperators.joined(separator: ", "),
      ],
    ]
    return rows
  }

  private var kernels: [[String]] {
    let steps = description.steps ?? []
    let total = max(1, steps.reduce(0) { $0 + $1.multiplyAdds })
    return Dictionary(grouping: steps, by: \.kernel).map { kernel, steps -> (Int, [String]) in
      let work = steps.reduce(0) { $0 + $1.multiplyAdds }
      return (
        work,
        [
          kernel, "\(steps.count)", SizeText.count(work),
          String(format: "%.1f %%", 100 * Double(work) / Double(total)),
          SizeText.bytes(steps.reduce(0) { $0 + $1.bytes }), steps[0].isReference ? "reference" : "",
        ]
      )
    }
    .sorted { ($1.0, $0.1[0]) < ($0.0, $1.1[0]) }.map(\.1)
  }

  /// A drawing that fits the page, or has its own size on demand.
  private func drawing(_ svg: String) -> String {
    "<div class=\"wide\"><label><input type=\"checkbox\"> full size</label>\(svg)</div>"
  }

  private var name: String { FilePath(description.model).name.stem.text }

  var text: String {
    let passes = (description.passes ?? []).map {
      [
        $0.name, "\($0.patches)", "\($0.nodesBefore)", "\($0.nodesAfter)",
        String(format: "%.1f", $0.milliseconds),
      ]
    }
    let steps = (description.steps ?? []).enumerated().map { index, step in
      ["\(index)", step.kernel, step.node, SizeText.count(step.multiplyAdds), SizeText.bytes(step.bytes)]
    }
    return """
      <!DOCTYPE html>
      <html lang="en"><head><meta charset="utf-8"><title>\(escaped(name))</title>
      <style>
      body { font: 14px/1.5 Inter, Helvetica, Arial, sans-serif; color: #1d2733; margin: 2rem auto; max-width: 1200px; padding: 0 1rem }
      h1 { font-size: 22px } h2 { font-size: 17px; margin-top: 2rem }
      table { border-collapse: collapse; font-size: 13px } th { text-align: left; color: #52606d; font-weight: 600 }
      th, td { padding: 2px 14px 2px 0; border-bottom: 1px solid #e4e7eb; vertical-align: top; overflow-wrap: anywhere }
      .wide { overflow-x: auto; border: 1px solid #e4e7eb } .wide svg { display: block; max-width: 100%; height: auto }
      .wide:has(:checked) svg { max-width: none } .wide label { font-size: 12px; color: #52606d; margin: 4px } details { margin-top: .5rem } pre { font-size: 12px }
      </style></head><body>
      <h1>\(escaped(name))</h1>
      \(table(["", ""], facts))
      <h2>Network</h2>\(drawing(graph))
      <h2>Memory over time</h2>\(drawing(memory.svg))
      <details><summary>as text</summary><pre>\(escaped(memory.text))</pre></details>
      <h2>Kernels</h2>\(table(["kernel", "steps", "multiply-adds", "share", "bytes", ""], kernels))
      <h2>Passes</h2>\(table(["pass", "patches", "nodes before", "after", "ms"], passes))
      <h2>Steps</h2><details><summary>\(steps.count) steps</summary>
      \(table(["", "kernel", "node", "multiply-adds", "bytes"], steps))</details>
      </body></html>

      """
  }
}
