import IROperators

extension RegionPlan {
  /// The plan in lines: the cut, the rolling rows, then the instructions in order.
  package func listing(_ cut: RegionCut) -> [String] {
    let tasks =
      "\(batch)×\(cut.height)×\(cut.width), tiles of \(cut.tileColumns) columns, bands of \(cut.bandRows) rows, "
      + "steps of \(cut.stepRows), blocks of \(cut.blockRows)"
    let rows = values.enumerated().map { index, value in
      "rows\(index): \(value.channelCount) channels, margin \(value.margin), \(value.extraRows) more than a step"
    }
    return [tasks] + rows + instructions.map { $0.line(columnCount: width) }
  }
}

extension RegionPlan.Instruction {
  fileprivate func line(columnCount: Int) -> String {
    let words =
      ([type(of: operation).driverName]
      + operation.parameters.details(columnCount: columnCount, weightInput: weightInput))
      .joined(separator: " ")
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

extension RegionParameters {
  fileprivate func details(columnCount: Int, weightInput: Int?) -> [String] {
    var words: [String] = []
    if let blocks {
      words += [
        "side=\(blocks.side)", "columns=\(columnCount)", "channelStep=\(blocks.channelStep)",
        "placeStep=\(blocks.placeStep)",
      ]
    }
    if let window { words += window.details }
    if let weightInput { words.append("weights=input\(weightInput)") }
    if let normalization {
      words += [normalization.isCentred ? "centred" : "uncentred", "epsilon=\(normalization.epsilon)"]
      if normalization.scale != nil { words.append("scale") }
      if normalization.bias != nil { words.append("bias") }
    }
    if let chain { words += chain.instructions.map { "\($0.function.text)\($0.operands)" } }
    words += windows.sorted { $0.key < $1.key }.map {
      "window\($0.key)=(\($0.value.details.joined(separator: " ")))"
    }
    if let factor { words.append("factor=\(factor)") }
    if let groupCount { words += ["groups=\(groupCount)", "columns=\(depth)"] }
    return words
  }
}

extension RegionWindow {
  fileprivate var details: [String] {
    let fused = convolution
    return [
      "weight=\(shape)", "pads=\(fused.convolution.padsBefore)", "dilation=\(fused.convolution.dilations[0])",
    ] + (bias == nil ? [] : ["bias"]) + (fused.hasResidual ? ["residual"] : [])
      + (fused.activation.map { ["slope=\($0.slopeBelowZero)"] } ?? [])
  }
}

extension ElementwiseChain.Function {
  /// The factor of numbers below zero.
  fileprivate var slopeBelowZero: Float {
    if case .activation(let activation) = self { activation.alpha } else { 0 }
  }

  fileprivate var text: String {
    if case .activation(let activation) = self {
      "\(name)(\(activation.alpha), \(activation.beta))"
    } else {
      name
    }
  }
}
