import IRGraph
import IROperators
import IRTensor

/// FFDNet (Zhang et al., 2018): denoising at half resolution, told how strong the noise is.
package struct FFDNet: RestorationNetwork {
  package static let name = "ffdnet"
  package static let card = NetworkCard(
    title: "FFDNet", paper: "Zhang et al., 2018, arXiv 1710.04026",
    task: "Gaussian noise of a stated deviation (input sigma, in units of 1)",
    licence: "authors' code and weights: MIT", trainingData: "BSD400, ImageNet, WED",
    published: "CBSD68, σ 25: 31.21 dB PSNR; BSD68 grey, σ 25: 29.19 dB")
  package static let presets = [
    ("colour", FFDNetConfiguration()), ("grey", FFDNetConfiguration(channels: 1, width: 64, depth: 15)),
  ].map { (name: $0.0, configuration: $0.1) }

  package let configuration: FFDNetConfiguration
  package var channelCount: Int { configuration.channels }

  package init(_ configuration: FFDNetConfiguration) { self.configuration = configuration }

  /// Parameters as in KAIR's files (`model.0.weight`, …); `sigma` `[N, 1, 1, 1]` is the noise's deviation.
  package func build(_ image: ValueID, _ b: inout NetworkBuilder) throws(GraphError) -> ValueID {
    let sigma = b.input("sigma", TensorType(.float32, [b.shape(of: image)[0], 1, 1, 1]))
    let padded = try b.padded(image, toMultipleOf: 2, .edge)
    let half = try b.apply(SpaceToDepth(blockSize: 2, mode: .columnRowDepth), padded, name: "down")
    let map = try b.apply(RelativeExpand([.like(0), 1, .like(2), .like(3)]), sigma, half, name: "map")
    var x = try b.concatenation(half, map, "input")
    for index in 0..<configuration.depth - 1 {
      x = try b.convolution(x, "model.\(2 * index)", to: configuration.width, kernel: 3, bias: true)
      x = try b.apply(Unary(.relu), x, name: "model.\(2 * index + 1)")
    }
    x = try b.convolution(
      x, "model.\(2 * configuration.depth - 2)", to: 4 * configuration.channels, kernel: 3, bias: true)
    return try b.cropped(try b.apply(DepthToSpace(blockSize: 2), x, name: "up"), like: image)
  }
}

/// Arguments of KAIR's `FFDNet` with `act_mode` `R`.
package struct FFDNetConfiguration: NetworkConfiguration {
  package var channels = 3
  package var width = 96
  /// Convolutions.
  package var depth = 12

  package init() {}
  package init(channels: Int, width: Int, depth: Int) {
    self.channels = channels
    self.width = width
    self.depth = depth
  }

  package static var keys: [ConfigurationKey<Self>] {
    [
      ConfigurationKey("in_nc", \.channels, in: 1...3), ConfigurationKey("nc", \.width, in: 1...1024),
      ConfigurationKey("nb", \.depth, in: 2...64),
    ]
  }
}
