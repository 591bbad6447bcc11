import IRONNX
import IRTensor

/// The inputs of a model that can be trained: one float32 image `[N, C, H, W]` of 1 or 3 channels, and the
/// noise level where the model takes it as one number.
package struct TrainablePorts: Sendable {
  package let image: ImagePort
  package let noise: NoiseLevelPort?

  /// - Throws: `RestorerRefusal` where the model takes anything else.
  package init(_ model: ONNXModel) throws(RestorerRefusal) {
    let ports = try InputPorts(model, RestorationModel.Wishes())
    guard ports.pictures.isEmpty, ports.noiseMap == nil, ports.held.isEmpty, ports.image.layout == .nchw,
      ports.image.elementType == .float32
    else {
      throw RestorerRefusal(
        "it must take one float32 image [N, C, H, W] and nothing else but a noise level of one number")
    }
    guard ports.noise != .channel else {
      throw RestorerRefusal("its image has \(ports.image.channelCount) channels, not 1 or 3")
    }
    image = ports.image
    if case .input(let name) = ports.noise, let shape = ports.noiseShape {
      guard ports.noiseType == .float32 else {
        throw RestorerRefusal("its noise level \(name) is not float32")
      }
      noise = NoiseLevelPort(
        name: name, shape: shape, unstatedLevel: RestorerMetadata(model).unstatedNoiseLevel)
    } else {
      noise = nil
    }
  }
}

/// An input of one float32 number: σ of the noise where the picture is 0...1.
package struct NoiseLevelPort: Hashable, Sendable {
  package let name: String
  package let shape: Shape
  /// The level that tells the model to judge the noise by itself, where its file names one.
  package let unstatedLevel: Double?
}
