/// A table as text: in columns for a screen, or in Markdown.
package struct TextTable {
  package var heads: [String]
  package var rows: [[String]]

  package init(_ heads: [String], _ rows: [[String]] = []) {
    self.heads = heads
    self.rows = rows
  }

  package var markdown: [String] {
    func line(_ cells: [String]) -> String { "| " + cells.joined(separator: " | ") + " |" }
    return [line(heads), String(repeating: "|---", count: heads.count) + "|"] + rows.map(line)
  }

  /// Numbers in columns that end together, and a last column that begins together.
  package var columns: [String] {
    let widths = heads.indices.map { column in
      ([heads] + rows).map { $0[column].count }.max() ?? 0
    }
    return ([heads] + rows).map { cells in
      cells.indices.map { column in
        column == cells.count - 1
          ? cells[column]
          : String(repeating: " ", count: widths[column] - cells[column].count) + cells[column]
      }
      .joined(separator: "  ")
    }
  }
}
