import IRGraph
import IROperators
import IRTensor

/// Settings of the linear autoencoder.
public struct LinearAutoencoderConfiguration: NetworkConfiguration {
  public var latentChannels = 16
  /// Pixels of a picture along one of its latents.
  public var factor = 4
  public var scalingFactor = 1.0

  public init() {}

  public static var keys: [ConfigurationKey<Self>] {
    [
      ConfigurationKey("latent_channels", \.latentChannels, in: 1...1024),
      ConfigurationKey("factor", \.factor, in: 1...64), ConfigurationKey("scaling_factor", \.scalingFactor),
    ]
  }

  public static func passesOver(_ key: String, isOff: Bool) -> Bool { key.hasPrefix("_") }
}

/// Blocks of pixels to latents by one linear map: principal components, whitened, which `encoder.weight` holds.
///
/// Input `sample [N, 3, H, W]` in -1...1, sides multiples of the factor; output `latent_sample [N, C, H/f, W/f]`.
public struct LinearEncoder: PartNetwork {
  public static let name = "vae_encoder"
  public let configuration: LinearAutoencoderConfiguration

  public init(_ configuration: LinearAutoencoderConfiguration) { self.configuration = configuration }

  public var sampleShape: Shape { [1, 3, 8 * configuration.factor, 8 * configuration.factor] }
  public var openSizes: [String: [Int: String]] { ["sample": [0: "N", 2: "H", 3: "W"]] }
  public func ignores(weight name: String) -> Bool { name.hasPrefix("decoder.") }

  public func build(_ shape: Shape, _ b: inout NetworkBuilder) throws(GraphError) {
    let sample = b.input("sample", TensorType(.float32, shape))
    let c = configuration
    b.output(
      try b.convolution(
        sample, "encoder", to: c.latentChannels, kernel: c.factor, stride: c.factor, padding: 0, bias: true),
      name: "latent_sample")
  }
}

/// Latents to blocks of pixels by one linear map.
///
/// Input `latent_sample [N, C, h, w]`; output `sample [N, 3, f h, f w]`.
public struct LinearDecoder: PartNetwork {
  public static let name = "vae_decoder"
  public let configuration: LinearAutoencoderConfiguration

  public init(_ configuration: LinearAutoencoderConfiguration) { self.configuration = configuration }

  public var sampleShape: Shape { [1, configuration.latentChannels, 8, 8] }
  public var openSizes: [String: [Int: String]] { ["latent_sample": [0: "N", 2: "H", 3: "W"]] }
  public func ignores(weight name: String) -> Bool { name.hasPrefix("encoder.") }

  public func build(_ shape: Shape, _ b: inout NetworkBuilder) throws(GraphError) {
    let latents = b.input("latent_sample", TensorType(.float32, shape))
    let (count, factor) = (configuration.latentChannels, configuration.factor)
    let weight = try b.parameter("decoder.weight", [count, 3, factor, factor], .fanIn(count))
    let bias = try b.parameter("decoder.bias", [3], .constant(0))
    let spread = ConvolutionTranspose(
      strides: [factor, factor], padsBefore: [0, 0], padsAfter: [0, 0], dilations: [1, 1],
      outputPadding: [0, 0])
    b.output(try b.apply(spread, latents, weight, bias, name: "decoder"), name: "sample")
  }
}
