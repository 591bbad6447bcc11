/// The networks that can be built.
package enum NetworkCatalogue {
  package static let networks: [any RestorationNetwork.Type] = [
    SymUNet.self, SESymUNet.self, DaAIR.self, Restormer.self, PromptIR.self, MoCEIR.self, NAFNet.self,
    SwinIR.self, DnCNN.self, FFDNet.self,
  ]

  /// The network of this name, upper or lower case.
  /// - Throws: `ModelError.unknownNetwork`.
  package static func network(_ name: String) throws(ModelError) -> any RestorationNetwork.Type {
    if let found = networks.first(where: { $0.name == name.lowercased() }) { return found }
    throw .unknownNetwork(name: name, available: networks.map { $0.name })
  }
}

// The type's facts, for networks whose type is not known.
extension RestorationNetwork {
  package var name: String { Self.name }
  package var card: NetworkCard { Self.card }
  package var settings: any Encodable { configuration }
  package var presetNames: [String] { Self.presets.map(\.name) }
}

extension RestorationNetwork {
  /// The network with the settings of this name, nil being the default.
  /// - Throws: `ModelError.configuration` naming those there are.
  package static func preset(_ name: String?) throws(ModelError) -> Self {
    guard let name else { return Self(presets[0].configuration) }
    if let found = presets.first(where: { $0.name == name }) { return Self(found.configuration) }
    let known = presets.map(\.name).joined(separator: ", ")
    throw .configuration("\(Self.name) has no settings called \(name); there are \(known)")
  }
}
