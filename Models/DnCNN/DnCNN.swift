import IRGraph
import IROperators
import IRTensor

/// DnCNN (Zhang et al., 2017): convolutions that estimate the noise, batch normalization merged into them.
package struct DnCNN: RestorationNetwork {
  package static let name = "dncnn"
  package static let card = NetworkCard(
    title: "DnCNN", paper: "Zhang et al., 2017, arXiv 1608.03981", task: "Gaussian noise",
    licence: "authors' code and weights: MIT", trainingData: "BSD400",
    published: "BSD68 grey, σ 25: 29.23 dB PSNR")
  package static let presets = [
    ("grey", DnCNNConfiguration()), ("colour-blind", DnCNNConfiguration(channels: 3, depth: 20)),
  ].map { (name: $0.0, configuration: $0.1) }

  package let configuration: DnCNNConfiguration
  package var channelCount: Int { configuration.channels }

  package init(_ configuration: DnCNNConfiguration) { self.configuration = configuration }

  /// The picture less its noise; parameters as in KAIR's files (`model.0.weight`, `model.2.weight`, …).
  package func build(_ image: ValueID, _ b: inout NetworkBuilder) throws(GraphError) -> ValueID {
    var x = image
    for index in 0..<configuration.depth - 1 {
      x = try b.convolution(x, "model.\(2 * index)", to: configuration.width, kernel: 3, bias: true)
      x = try b.apply(Unary(.relu), x, name: "model.\(2 * index + 1)")
    }
    let noise = try b.convolution(
      x, "model.\(2 * configuration.depth - 2)", to: configuration.channels, kernel: 3, bias: true)
    return try b.apply(Binary(.subtract), image, noise, name: "difference")
  }
}

/// Arguments of KAIR's `DnCNN` with `act_mode` `R`.
package struct DnCNNConfiguration: NetworkConfiguration {
  package var channels = 1
  package var width = 64
  /// Convolutions.
  package var depth = 17

  package init() {}
  package init(channels: Int, depth: Int) {
    self.channels = channels
    self.depth = depth
  }

  package static var keys: [ConfigurationKey<Self>] {
    [
      ConfigurationKey("in_nc", \.channels, in: 1...3), ConfigurationKey("nc", \.width, in: 1...1024),
      ConfigurationKey("nb", \.depth, in: 2...64),
    ]
  }
}
