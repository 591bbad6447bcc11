import IRONNX

/// Statements of the metadata of a restorer's file. Keys of ours, and those that ONNX names for pictures.
package struct RestorerMetadata: Sendable {
  /// Names of outputs and keys that exporters and readers share.
  package enum Key {
    package static let multiple = "multiple"
    package static let tasks = "tasks"
    package static let task = "task"
    package static let licence = "licence"
    package static let range = "range"
    package static let unstatedNoise = "noise_unstated"
    /// The output `[N, learners, experts]` of networks with routers.
    package static let routing = "routing"
  }

  private let values: [String: String]
  /// Whether the network has routers whose opinions it gives.
  package let hasRouting: Bool

  package init(_ model: ONNXModel) {
    values = Dictionary(model.metadata.map { ($0.key, $0.value) }, uniquingKeysWith: { first, _ in first })
    hasRouting = model.graph.outputs.contains { $0.name == Key.routing }
  }

  /// The task that the network was trained for, in words.
  package var task: String? { values[Key.task] }
  package var licence: String? { values[Key.licence] }
  /// The tasks as text: the list of a router's classes, else the words.
  package var statedTasks: String? { values[Key.tasks] ?? values[Key.task] }
  /// Names of the routers' classes, in the order of the output.
  package var routedTasks: [String] {
    (values[Key.tasks] ?? "").split(separator: ",").map { String($0.drop { $0 == " " }) }
      .filter { !$0.isEmpty }
  }

  package var multiple: Int? { values[Key.multiple].flatMap { Int($0) } }

  /// The noise level, on a scale of 0...255, that tells the network to judge the noise by itself. It is
  /// outside of 0...255.
  package var unstatedNoiseLevel: Double? {
    values[Key.unstatedNoise].flatMap { Double($0) }.flatMap {
      abs($0) <= 1000 && !(0...255).contains($0) ? $0 : nil
    }
  }

  /// The numbers for black and white.
  package var range: ValueRange? {
    if let own = values[Key.range].flatMap({ ValueRange($0) }) { return own }
    switch values["Image.NominalPixelRange"] {
    case "NominalRange_0_255": return .bytes
    case "Normalized_0_1": return .unit
    case "Normalized_1_1": return .symmetric
    case "NominalRange_16_235": return ValueRange(16, 235)
    default: return nil
    }
  }

  /// Whether blue is the first channel.
  package var isBlueFirst: Bool { values["Image.BitmapPixelFormat"]?.hasPrefix("Bgr") ?? false }
}
