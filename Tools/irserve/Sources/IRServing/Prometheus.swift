import Metrics
import Synchronization

/// Keeps what is counted and measured, and says it in Prometheus' text format.
package final class Prometheus: MetricsFactory, Sendable {
  /// Upper ends of a histogram's classes, in seconds.
  static let bounds = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120]

  private enum Value {
    case counter(Double)
    case gauge(Double)
    case histogram(counts: [Int], sum: Double)
  }

  private struct Series: Hashable {
    var labels: String
  }

  private let families = Mutex<[String: [Series: Value]]>([:])
  private let gauges = Mutex<[String: @Sendable () -> Double]>([:])

  package init() {}

  /// A number that is asked for when the text is made.
  package func gauge(_ name: String, _ value: @escaping @Sendable () -> Double) {
    gauges.withLock { $0[name] = value }
  }

  /// The text of all families, in the order of their names.
  package var text: String {
    for (name, value) in gauges.withLock({ $0 }) {
      let number = value()
      change(name, []) { $0 = .gauge(number) }
    }
    let families = families.withLock { $0 }
    var text = ""
    for (name, family) in families.sorted(by: { $0.key < $1.key }) {
      guard let first = family.first?.value else { continue }
      let kind =
        switch first {
        case .counter: "counter"
        case .gauge: "gauge"
        case .histogram: "histogram"
        }
      text += "# TYPE \(name) \(kind)\n"
      for (series, value) in family.sorted(by: { $0.key.labels < $1.key.labels }) {
        text += Self.lines(name, series.labels, value)
      }
    }
    return text
  }

  private static func lines(_ name: String, _ labels: String, _ value: Value) -> String {
    let own = labels.isEmpty ? "" : "{\(labels)}"
    switch value {
    case .counter(let number), .gauge(let number): return "\(name)\(own) \(number)\n"
    case .histogram(let counts, let sum):
      var text = ""
      var total = 0
      let comma = labels.isEmpty ? "" : ","
      for (index, count) in counts.enumerated() {
        total += count
        let bound = index < bounds.count ? "\(bounds[index])" : "+Inf"
        text += "\(name)_bucket{\(labels)\(comma)le=\"\(bound)\"} \(total)\n"
      }
      return text + "\(name)_sum\(own) \(sum)\n\(name)_count\(own) \(total)\n"
    }
  }

  private func change(_ name: String, _ dimensions: [(String, String)], _ body: (inout Value?) -> Void) {
    let labels = dimensions.map { "\(Self.name($0.0))=\"\(Self.escaped($0.1))\"" }.joined(separator: ",")
    families.withLock { body(&$0[name, default: [:]][Series(labels: labels)]) }
  }

  private static func name(_ label: String) -> String {
    String(label.map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "_" })
  }

  private static func escaped(_ text: String) -> String {
    var result = ""
    for character in text {
      switch character {
      case "\\": result += "\\\\"
      case "\"": result += "\\\""
      case "\n": result += "\\n"
      default: result.append(character)
      }
    }
    return result
  }

  // MARK: Handlers

  private final class Handler: CounterHandler, RecorderHandler, TimerHandler {
    let owner: Prometheus
    let name: String
    let dimensions: [(String, String)]

    init(_ owner: Prometheus, _ label: String, _ dimensions: [(String, String)]) {
      (self.owner, name, self.dimensions) = (owner, Prometheus.name(label), dimensions)
    }

    func increment(by amount: Int64) {
      owner.change(name, dimensions) { found in
        if case .counter(let number) = found {
          found = .counter(number + Double(amount))
        } else {
          found = .counter(Double(amount))
        }
      }
    }

    func reset() { owner.change(name, dimensions) { $0 = .counter(0) } }
    func record(_ value: Int64) { record(Double(value)) }
    func recordNanoseconds(_ duration: Int64) { record(Double(duration) / 1e9) }

    func record(_ value: Double) {
      owner.change(name, dimensions) { found in
        var (counts, sum) = ([Int](repeating: 0, count: Prometheus.bounds.count + 1), 0.0)
        if case .histogram(let known, let total) = found { (counts, sum) = (known, total) }
        counts[Prometheus.bounds.firstIndex { value <= $0 } ?? Prometheus.bounds.count] += 1
        found = .histogram(counts: counts, sum: sum + value)
      }
    }
  }

  package func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
    Handler(self, label, dimensions)
  }
  package func makeRecorder(
    label: String, dimensions: [(String, String)], aggregate: Bool
  ) -> any RecorderHandler { Handler(self, label, dimensions) }
  package func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
    Handler(self, label, dimensions)
  }
  package func destroyCounter(_: any CounterHandler) {}
  package func destroyRecorder(_: any RecorderHandler) {}
  package func destroyTimer(_: any TimerHandler) {}
}
