import Foundation
import IRGraph
import IRModels
import IRTensor
import Testing

/// A part at full size, the list of its tensors, and its multiply-adds.
struct FullSizePart: Sendable, CustomStringConvertible {
  var list: String
  var network: any PartNetwork
  /// The list's names that are this part's.
  var prefixes = [""]
  var parameters: Int
  var shape: Shape?
  /// Billions.
  var multiplyAdds: Double?
  var description: String { "\(list) \(type(of: network))" }

  static let all: [FullSizePart] = [
    FullSizePart(
      list: "unet-sd2", network: DenoisingUNet(DenoisingUNetConfiguration()), parameters: 865_922_244,
      shape: [1, 8, 64, 64], multiplyAdds: 402.2),
    FullSizePart(
      list: "unet-sd1", network: DenoisingUNet(.stableDiffusion1), parameters: 859_532_484,
      shape: [1, 8, 64, 64], multiplyAdds: 401.7),
    FullSizePart(
      list: "vae", network: AutoencoderEncoder(AutoencoderConfiguration()),
      prefixes: ["encoder.", "quant_conv."], parameters: 34_163_664, shape: [1, 3, 512, 512],
      multiplyAdds: 558.3),
    FullSizePart(
      list: "vae", network: AutoencoderDecoder(AutoencoderConfiguration()),
      prefixes: ["decoder.", "post_quant_conv."], parameters: 49_490_199, shape: [1, 4, 64, 64],
      multiplyAdds: 1257.3),
    FullSizePart(
      list: "taesd", network: TinyAutoencoderEncoder(TinyAutoencoderConfiguration()),
      prefixes: ["encoder."], parameters: 1_222_532, shape: [1, 3, 512, 512], multiplyAdds: 61.2),
    FullSizePart(
      list: "taesd", network: TinyAutoencoderDecoder(TinyAutoencoderConfiguration()),
      prefixes: ["decoder."], parameters: 1_222_531, shape: [1, 4, 64, 64], multiplyAdds: 70.7),
    FullSizePart(
      list: "clip-text-sd1", network: TextTower(.stableDiffusion1), parameters: 123_060_480),
    FullSizePart(
      list: "clip-text-sd2", network: TextTower(TextTowerConfiguration()), parameters: 340_387_840),
    FullSizePart(
      list: "musiq-koniq", network: MUSIQ(MUSIQConfiguration()), parameters: 27_125_825,
      shape: [1, 3, 512, 512], multiplyAdds: 17.5),
  ]
}

@Test(arguments: FullSizePart.all)
func fullSizesAreThePublishedOnes(_ part: FullSizePart) throws {
  let parameters = try part.network.parameters()
  #expect(parameters.elementCount == part.parameters, "\(parameters.elementCount)")
  if let shape = part.shape, let billions = part.multiplyAdds {
    let graph = try part.network.graph(shape: shape)
    let found = Double(graph.multiplyAddCount) / 1e9
    #expect((found - billions).magnitude < 0.02 * billions, "\(found) billion multiply-adds")
  }
  guard let names = oracle("unires/names") else { return }
  let lines = try String(contentsOfFile: "\(names)/\(part.list).txt", encoding: .utf8)
    .split(separator: "\n").map(String.init).filter { line in
      part.prefixes.contains { line.hasPrefix($0) }
    }
  let found = parameters.map { "\($0.name) \($0.shape.map { "\($0)" }.joined(separator: "x"))" }
  #expect(Set(found).symmetricDifference(lines).sorted().prefix(8) == [])
  #expect(found.count == lines.count)
}
