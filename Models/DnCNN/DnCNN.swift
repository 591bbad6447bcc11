import IRGraph
import IROperators
import IRTensor

/// DnCNN (Zhang et al., 2017): convolutions that estimate the noise, batch normalization merged into them.
public struct DnCNN: RestorationNetwork {
  public static let name = "dncnn"
  public static let card = NetworkCard(
    title: "DnCNN", paper: "Zhang et al., 2017, arXiv 1608.03981", task: "Gaussian noise",
    licence: "authors' code and weights: MIT", trainingData: "BSD400",
    published: "BSD68 grey, σ 25: 29.23 dB PSNR")
  public static let presets = [
    ("grey", DnCNNConfiguration()), ("colour-blind", DnCNNConfiguration(channels: 3, depth: 20)),
  ].map { (name: $0.0, configuration: $0.1) }

  public let configuration: DnCNNConfiguration
  public var channelCount: Int { configuration.channels }

  public init(_ configuration: DnCNNConfiguration) { self.configuration = configuration }

  /// The picture less its noise; parameters as in KAIR's files (`model.0.weight`, `model.2.weight`, …).
  public func build(_ image: ValueID, _ b: inout NetworkBuilder) throws(GraphError) -> ValueID {
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
public struct DnCNNConfiguration: NetworkConfiguration {
  public var channels = 1
  public var width = 64
  /// Convolutions.
  public var depth = 17

  public init() {}
  public init(channels: Int, depth: Int) { (self.channels, self.depth) = (channels, depth) }

  public static var keys: [ConfigurationKey<Self>] {
    [
      ConfigurationKey("in_nc", \.channels, in: 1...3), ConfigurationKey("nc", \.width, in: 1...1024),
      ConfigurationKey("nb", \.depth, in: 2...64),
    ]
  }
}
