import IROperators
import IRTensor

extension RegionPlan {
  /// The plan in lines: the cut, the rolling rows, then the instructions in order.
  package var listing: [String] {
    let cut =
      "\(batch)×\(height)×\(width), tiles of \(tileColumns) columns, bands of \(bandRows) rows, "
      + "steps of \(stepRows), blocks of \(blockRows)"
    let rows = values.enumerated().map { index, value in
      "rows\(index): \(value.channelCount) channels, margin \(value.margin), \(value.extraRows) more than a step"
    }
    return [cut] + rows + instructions.map(\.line)
  }
}

extension RegionPlan.Instruction {
  fileprivate var line: String {
    let words = ([operation.name] + operation.details).joined(separator: " ")
    let read = operands.map(\.text).joined(separator: ", ")
    return "\(words) (\(read)) -> \(output.text), \(channelCount) channels, margin \(margin)"
  }
}

extension RegionPlan.Operand {
  fileprivate var text: String {
    let name =
      switch place {
      case .rolling(let index): "rows\(index)"
      case .input(let index): "input\(index)"
      case .output(let index): "output\(index)"
      case .sums(let index): "sums\(index)"
      case .channels(let index): "channels\(index)"
      case .imageChannels(let index): "imageChannels\(index)"
      case .scalar(let index): "scalar\(index)"
      }
    return "\(name)[\(channel) of \(channelCount)]" + (isHalf ? " float16" : "")
  }
}

extension RegionPlan.Operation {
  /// The driver's name of the operation.
  package var name: String {
    switch self {
    case .copy: "copy"
    case .spaceToDepth: "space_to_depth"
    case .depthToSpace: "depth_to_space"
    case .convolution: "convolution"
    case .winograd: "winograd"
    case .depthwise: "depthwise"
    case .normalization: "normalize"
    case .elementwise: "elementwise"
    case .sum: "sum"
    case .gram: "gram"
    }
  }

  fileprivate var details: [String] {
    switch self {
    case .copy: []
    case .spaceToDepth(let blocks), .depthToSpace(let blocks):
      [
        "side=\(blocks.side)", "columns=\(blocks.columnCount)", "channelStep=\(blocks.channelStep)",
        "placeStep=\(blocks.placeStep)",
      ]
    case .convolution(let fused, .input(let index, let shape), let bias):
      windowDetails(fused, shape, bias) + ["weights=input\(index)"]
    case .convolution(let fused, .constant(let weight), let bias): windowDetails(fused, weight.shape, bias)
    case .winograd(let fused, let weight, let bias): windowDetails(fused, weight.shape, bias)
    case .depthwise(let window): window.details
    case .normalization(let isCentred, let epsilon, let scale, let bias):
      [isCentred ? "centred" : "uncentred", "epsilon=\(epsilon)"] + (scale == nil ? [] : ["scale"])
        + (bias == nil ? [] : ["bias"])
    case .elementwise(let chain, let windows):
      chain.instructions.map { "\($0.function.text)\($0.operands)" }
        + windows.sorted { $0.key < $1.key }.map {
          "window\($0.key)=(\($0.value.details.joined(separator: " ")))"
        }
    case .sum(let factor): ["factor=\(factor)"]
    case .gram(let groupCount, let columnCount): ["groups=\(groupCount)", "columns=\(columnCount)"]
    }
  }
}

private func windowDetails(_ fused: FusedConvolution, _ weight: Shape, _ bias: Tensor?) -> [String] {
  let convolution = fused.convolution
  return [
    "weight=\(weight)", "pads=\(convolution.padsBefore)", "dilation=\(convolution.dilations[0])",
  ] + (bias == nil ? [] : ["bias"]) + (fused.hasResidual ? ["residual"] : [])
    + (fused.isRectified ? ["slope=\(fused.slope)"] : [])
}

extension RegionPlan.Depthwise {
  fileprivate var details: [String] { windowDetails(convolution, weight.shape, bias) }
}

extension ElementwiseChain.Function {
  fileprivate var text: String {
    switch self {
    case .unary(let function): function.rawValue
    case .binary(let function): function.rawValue
    case .activation(let activation):
      "\(activation.function.rawValue)(\(activation.alpha), \(activation.beta))"
    }
  }
}
