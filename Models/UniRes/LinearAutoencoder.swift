import IRGraph
import IROperators
import IRTensor

/// Settings of the linear autoencoder.
package struct LinearAutoencoderConfiguration: NetworkConfiguration {
  package var latentChannels = 16
  /// Pixels of a picture along one of its latents.
  package var factor = 4
  package var scalingFactor = 1.0

  package init() {}

  package static var keys: [ConfigurationKey<Self>] {
    [
      ConfigurationKey("latent_channels", \.latentChannels, in: 1...1024),
      ConfigurationKey("factor", \.factor, in: 1...64), ConfigurationKey("scaling_factor", \.scalingFactor),
    ]
  }

  package static func passesOver(_ key: String, isOff: Bool) -> Bool { key.hasPrefix("_") }
}

/// Blocks of pixels to latents by one linear map: principal components, whitened, which `encoder.weight`
/// holds.
///
/// Input `sample [N, 3, H, W]` in -1...1, sides multiples of the factor; output `latent_sample [N, C, H/f,
/// W/f]`.
package struct LinearEncoder: PartNetwork {
  package static let name = "vae_encoder"
  package let configuration: LinearAutoencoderConfiguration

  package init(_ configuration: LinearAutoencoderConfiguration) { self.configuration = configuration }

  package var sampleShape: Shape { [1, 3, 8 * configuration.factor, 8 * configuration.factor] }
  package var openSizes: [String: [Int: String]] { ["sample": [0: "N", 2: "H", 3: "W"]] }
  package func ignores(weight name: String) -> Bool { name.hasPrefix("decoder.") }

  package func build(_ shape: Shape, _ b: inout NetworkBuilder) throws(GraphError) {
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
package struct LinearDecoder: PartNetwork {
  package static let name = "vae_decoder"
  package let configuration: LinearAutoencoderConfiguration

  package init(_ configuration: LinearAutoencoderConfiguration) { self.configuration = configuration }

  package var sampleShape: Shape { [1, configuration.latentChannels, 8, 8] }
  package var openSizes: [String: [Int: String]] { ["latent_sample": [0: "N", 2: "H", 3: "W"]] }
  package func ignores(weight name: String) -> Bool { name.hasPrefix("encoder.") }

  package func build(_ shape: Shape, _ b: inout NetworkBuilder) throws(GraphError) {
    let latents = b.input("latent_sample", TensorType(.float32, shape))
    let (count, factor) = (configuration.latentChannels, configuration.factor)
    let weight = try b.parameter("decoder.weight", [count, 3, factor, factor], .fanIn(count))
    let bias = try b.parameter("decoder.bias", [3], .constant(0))
    let spread = ConvolutionTranspose(stride: factor)
    b.output(try b.apply(spread, latents, weight, bias, name: "decoder"), name: "sample")
  }
}
