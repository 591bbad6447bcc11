import IRONNX
import IRTensor

/// The inputs of a file by what they are for.
struct InputPorts {
  let image: ImagePort
  let channelCount: Int
  let noise: RestorationModel.Noise?
  let pictures: [ImagePort]
  /// The tensors of inputs that are held at one value.
  let held: [String: Tensor]
  /// The shape of the input for the noise level, where that is one number.
  let noiseShape: Shape?
  /// Its element type, if it is one number.
  let noiseType: ElementType?
  /// The input for the noise level, where that is a map.
  let noiseMap: ImagePort?

  init(_ model: ONNXModel, _ wishes: RestorationModel.Wishes) throws(RestorerRefusal) {
    let inputs = model.graphInputs
    guard !inputs.isEmpty else { throw RestorerRefusal("it has no input") }
    var candidates: [ImagePort] = []
    var others: [ONNXValueInfo] = []
    for input in inputs {
      if let port = ImagePort(input) { candidates.append(port) } else { others.append(input) }
    }
    // Colour is more of a picture than a map of one channel.
    let first =
      candidates.first { $0.channelCount >= 3 && !wishes.pictures.contains($0.name) }
      ?? candidates.first { !wishes.pictures.contains($0.name) }
    guard let image = first else { throw Self.noImage(inputs) }
    self.image = image
    var noise: RestorationModel.Noise?
    var noiseShape: Shape?
    var noiseType: ElementType?
    var noiseMap: ImagePort?
    var held: [String: Tensor] = [:]
    for input in others {
      if let shape = Self.levelShape(input), noise == nil {
        (noise, noiseShape, noiseType) = (.input(input.name), shape, Self.elementType(input))
      } else if let tensor = Self.routedTask(input) {
        held[input.name] = tensor
      } else {
        throw RestorerRefusal(
          "its input \(Self.text(input)) is neither a picture nor a noise level: it runs on files of tensors (.npz)"
        )
      }
    }
    var pictures = candidates.filter { $0.name != image.name }
    if noise == nil,
      let map = pictures.firstIndex(where: {
        !wishes.pictures.contains($0.name)
          && (wishes.hasNoiseLevel ? $0.mayBeNoiseMap : $0.isNamedNoiseMap)
      })
    {
      (noise, noiseMap) = (.input(pictures[map].name), pictures[map])
      pictures.remove(at: map)
    }
    if let odd = pictures.first(where: { $0.channelCount == 2 }) {
      throw RestorerRefusal("its second picture \(odd.description) has 2 channels")
    }
    if image.channelCount == 2 || image.channelCount == 4 {
      guard noise == nil else {
        throw RestorerRefusal(
          "its picture has \(image.channelCount) channels and it takes a noise level beside")
      }
      noise = .channel
    }
    for name in wishes.pictures.sorted() where !pictures.contains(where: { $0.name == name }) {
      throw RestorerRefusal("it has no second picture called \(name)")
    }
    channelCount = image.channelCount >= 3 ? 3 : 1
    self.noise = noise
    self.noiseShape = noiseShape
    self.noiseType = noiseType
    self.noiseMap = noiseMap
    self.held = held
    self.pictures = pictures
  }

  private static func noImage(_ inputs: [ONNXValueInfo]) -> RestorerRefusal {
    let found = inputs.prefix(4).map { text($0) }.joined(separator: ", ")
    return RestorerRefusal(
      "none of its inputs is a picture of 1, 3 or 4 channels: it takes \(found)"
        + (inputs.count > 4 ? ", …" : ""))
  }

  static func text(_ info: ONNXValueInfo) -> String {
    guard case .tensor(let type, let dimensions) = info.type else { return "\(info.name) (no tensor)" }
    let extents = (dimensions ?? []).map { dimension in
      switch dimension {
      case .fixed(let extent): "\(extent)"
      case .symbolic(let name): name
      case .unknown: "?"
      }
    }
    return "\(info.name) \(ONNXTensor.typeName(type))[\(extents.joined(separator: ", "))]"
  }

  private static func elementType(_ input: ONNXValueInfo) -> ElementType? {
    if case .tensor(let raw, _) = input.type { ElementType(rawValue: raw) } else { nil }
  }

  /// The shape of an input of one number for a picture.
  private static func levelShape(_ input: ONNXValueInfo) -> Shape? {
    guard case .tensor(let raw, let dimensions?) = input.type,
      let type = ElementType(rawValue: raw), type.isFloatingPoint, dimensions.count <= 4,
      dimensions.allSatisfy({ ($0.fixedExtent ?? 1) == 1 }),
      dimensions.dropFirst().allSatisfy({ $0.fixedExtent == 1 })
    else { return nil }
    return Shape(dimensions.map { _ in 1 })
  }

  /// -1 for the task that a network with routers takes: the routers choose.
  private static func routedTask(_ input: ONNXValueInfo) -> Tensor? {
    guard input.name == RestorerMetadata.Key.task, case .tensor(let raw, let dimensions?) = input.type,
      raw == ElementType.int64.rawValue, dimensions.count <= 1
    else { return nil }
    return Tensor(TensorType(.int64, Shape(dimensions.map { _ in 1 })), integers: [-1])
  }
}
