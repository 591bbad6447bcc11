import IRTensor
import IRTensorFiles

/// A diffusion model's run on disk: the trunk, the experts, the autoencoder, and what the run was asked for.
package struct DiffusionCheckpoint: Sendable {
  package var state: DiffusionState
  package var codec: LinearCodec
  /// The run's options, which resuming compares.
  package var settings: [String: String]

  package init(_ state: DiffusionState, codec: LinearCodec, settings: [String: String]) {
    (self.state, self.codec, self.settings) = (state, codec, settings)
  }

  private static let trunkKey = "step.trunk"
  private static let expertKey = "step.expert."
  private static func prefix(ofExpert prompt: Int) -> String { "expert.\(prompt)/" }

  /// Writes a file beside its place and renames it.
  /// - Throws: `TrainingError.checkpoint` with the system's reason.
  package func write(to path: String) throws(TrainingError) {
    var metadata = settings
    metadata[Self.trunkKey] = "\(state.trunk.step)"
    var tensors = Checkpoint.tensors(of: state.trunk)
    for (prompt, expert) in state.experts.sorted(by: { $0.key < $1.key }) {
      metadata["\(Self.expertKey)\(prompt)"] = "\(expert.step)"
      tensors += Checkpoint.tensors(of: expert, prefix: Self.prefix(ofExpert: prompt))
    }
    for (name, tensor) in codec.weights.sorted(by: { $0.key < $1.key }) {
      tensors.append(NamedTensor("codec/\(name)", tensor))
    }
    try Checkpoint.write(tensors, metadata: metadata, to: path)
  }

  /// Reads the checkpoint of a network with weights of these names.
  /// - Throws: `TrainingError.checkpoint` if the file is damaged or lacks a weight.
  package init(contentsOf path: String, names: [String]) throws(TrainingError) {
    let (tensors, metadata) = try Checkpoint.read(path)
    func step(_ key: String) throws(TrainingError) -> Int {
      guard let step = metadata[key].flatMap({ Int($0) }), step >= 0 else {
        throw .checkpoint(path: path, detail: "it is not a checkpoint of irtrain unires")
      }
      return step
    }
    let trunkStep = try step(Self.trunkKey)
    var codec: [String: Tensor] = [:]
    for (name, tensor) in tensors where name.hasPrefix("codec/") { codec[String(name.dropFirst(6))] = tensor }
    self.codec = try LinearCodec(weights: codec, path: path)
    state = DiffusionState(trunk: try Checkpoint.state(tensors, names: names, path: path))
    state.trunk.step = trunkStep
    settings = [:]
    for (key, value) in metadata {
      if key.hasPrefix(Self.expertKey) {
        guard let prompt = Int(key.dropFirst(Self.expertKey.count)) else {
          throw .checkpoint(path: path, detail: "\(key) names no prompt")
        }
        var expert = try Checkpoint.state(
          tensors, prefix: Self.prefix(ofExpert: prompt), names: names, path: path)
        expert.step = try step(key)
        state.experts[prompt] = expert
      } else if key != Self.trunkKey {
        settings[key] = value
      }
    }
  }
}
