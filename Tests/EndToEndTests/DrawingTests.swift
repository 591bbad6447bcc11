import Foundation
import Testing

/// Reads a file as XML and prints its elements' texts, a line each.
private let xmlTexts = """
  from sys import argv
  from xml.etree import ElementTree
  for element in ElementTree.parse(argv[1]).iter():
      if element.text and element.text.strip(): print(element.text.strip())
  """

/// Checks that every element of a page that HTML wants closed is closed in order, and counts its drawings.
private let pageDrawings = """
  from sys import argv
  from html.parser import HTMLParser
  class Page(HTMLParser):
      stack, drawings = [], 0
      def handle_starttag(self, tag, _):
          self.drawings += tag == "svg"
          if tag not in ("meta", "br", "hr", "img", "link", "input"): self.stack.append(tag)
      def handle_endtag(self, tag): assert self.stack.pop() == tag, tag
  page = Page()
  page.feed(open(argv[1]).read())
  assert not page.stack, page.stack
  print(page.drawings)
  """

@Test func drawingsSayWhatThePlanSays() throws {
  try withFolder { folder in
    let outcome = try run(
      "irdump", "symunet-s", "--size", "8*h=64,8*w=96", "--json", "--svg", "\(folder)/graph.svg",
      "--memory-svg",
      "\(folder)/memory.svg", "--html", "\(folder)/page.html")
    #expect(outcome.code == 0, "\(outcome.errors)")
    let report = try #require(
      try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any])
    let steps = try #require(report["compiledSteps"] as? Int)
    let arena = try #require(report["peakMemory"] as? Int)

    let graph = try system("python3", "-c", xmlTexts, "\(folder)/graph.svg").split(separator: "\n")
    #expect(graph.filter { $0 == "3×64×96" }.count >= 2)
    #expect(graph.contains("2 × transformer") && graph.contains("1/2"))

    let memory = try system("python3", "-c", xmlTexts, "\(folder)/memory.svg").split(separator: "\n")
    #expect(memory.contains("step \(steps)"))
    let boxes = memory.compactMap { $0.wholeMatch(of: /.+: .+, steps ([0-9]+) to ([0-9]+)/) }
    #expect(boxes.count > 20)
    for box in boxes {
      let (first, last) = (try #require(Int(box.1)), try #require(Int(box.2)))
      // The output lives on when the last step is done.
      #expect(first <= last && first < steps && last <= steps)
    }
    #expect(try system("python3", "-c", pageDrawings, "\(folder)/page.html") == "2")
    let page = try String(contentsOfFile: "\(folder)/page.html", encoding: .utf8)
    // Three digits and a unit, as 16.5 MiB.
    let text = try #require(page.firstMatch(of: /<td>([0-9.]+) MiB with/))
    #expect(abs(try #require(Double(text.1)) * 1_048_576 - Double(arena)) < 0.005 * Double(arena))
    #expect(page.contains("<title>symunet-s</title>") && page.contains("<h1>symunet-s</h1>"))
  }
}

@Test func differencesOfModelsAreNamed() throws {
  try withFolder { folder in
    try writeNetwork("\(folder)/a.onnx")
    try writeNetwork("\(folder)/b.onnx", isGlobal: true)
    let same = try run("irdump", "\(folder)/a.onnx", "--diff", "\(folder)/a.onnx")
    #expect(same.code == 0 && same.output.contains("no difference"), "\(same.errors)")
    let other = try run("irdump", "\(folder)/a.onnx", "--diff", "\(folder)/b.onnx")
    #expect(other.code == 0 && other.output.contains("@@ nodes"), "\(other.errors)")
    // The node that only the second has, among the nodes.
    #expect(other.output.split(separator: "\n").contains { $0.hasPrefix("+ ") && $0.contains("Reduce") })
  }
}
