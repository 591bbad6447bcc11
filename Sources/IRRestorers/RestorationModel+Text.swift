extension RestorationModel {
  /// The way in which irrun restores a photograph with this file, in lines of a name and a text.
  package var summary: [(name: String, text: String)] {
    var lines = [
      ("picture", "\(image.description): \(channelCount == 1 ? "grey" : "colour"), \(channelText)"),
      ("sides", sidesText),
      ("result", "\(output.name): \(resultText), \(output.port.elementType)"),
    ]
    if pictureOutputs.count > 1, !isOutputNamed {
      let names = pictureOutputs.joined(separator: ", ")
      lines.append(
        (
          "outputs",
          "\(names) are pictures: \(choices.count > 1 ? "the one most like its input" : output.name) is taken, "
            + "--output-name NAME takes another"
        ))
    }
    switch noise {
    case .input(let name): lines.append(("noise level", "taken by the input \(name): \(levelText)"))
    case .channel:
      lines.append(
        (
          "noise level",
          "channel \(image.channelCount) of the picture is taken for a noise map: -n LEVEL or -n auto is needed"
        )
      )
    case nil: break
    }
    for picture in pictures {
      lines.append(
        ("and", "\(picture.description): a picture of the same sides, --input \(picture.name)=FILE"))
    }
    lines.append(("values", rangeText))
    return lines
  }

  /// Decisions that the file leaves open, in sentences.
  package var notes: [String] {
    var notes: [String] = []
    if pictureOutputs.count > 1, !isOutputNamed {
      let others = pictureOutputs.filter { $0 != output.name }.joined(separator: ", ")
      notes.append(
        "the output \(output.name) is used as the restored picture, not \(others): --output-name NAME chooses"
      )
    }
    if sides.isBaked, let height = sides.height, let width = sides.width {
      notes.append(
        "the file calls its sides open, but its nodes take \(height)×\(width) only: pictures are restored in tiles of that size"
      )
    }
    if case .input(let name) = noise, !Self.isNamedNoise(name) {
      notes.append("the input \(name) is taken for the noise level: \(levelText)")
    }
    if output.channelCount != channelCount {
      notes.append(
        output.channelCount == 1
          ? "the result has one channel: it is written as a grey picture"
          : "the result has three channels: grey pictures become coloured")
    }
    return notes
  }

  private var levelText: String {
    unstatedNoiseLevel == nil
      ? "estimated from each picture where -n does not state it"
      : "the network judges by itself where -n does not state it"
  }

  private var channelText: String {
    var parts = [
      channelCount == 3
        ? "grey pictures get three equal channels"
        : output.channelCount == 1
          ? "pictures in colour are restored channel by channel" : "the luma of pictures in colour is used"
    ]
    if image.batch > 1 { parts.append("taken \(image.batch) times at once") }
    if isBlueFirst { parts.append("blue first") }
    if image.elementType == .float16 || image.elementType == .bfloat16 {
      parts.append("computed in float32")
    }
    return parts.joined(separator: ", ")
  }

  private var sidesText: String {
    let (height, width) = fixedSides
    let border = padding.before + padding.after
    var text: String
    if let height, let width {
      text = "\(height)×\(width) only"
      if sides.isBaked { text += ", although the file calls its sides open" }
      text += ": larger pictures are restored in tiles of it, smaller ones are padded"
    } else if height != nil || width != nil {
      text = "\(height.map(String.init) ?? "any height") × \(width.map(String.init) ?? "any width")"
    } else {
      text = "any"
    }
    if sides.multiple > 1 { text += ", padded to multiples of \(sides.multiple)" }
    if border > 0 { text += "; the network takes \(border) pixels more, which are mirrored" }
    return text
  }

  private var resultText: String {
    let kind = output.channelCount == 1 ? "a grey picture" : "a picture in colour"
    return scale == 1 ? "\(kind) of the same sides" : "\(kind) of \(scale) times the sides"
  }

  private var rangeText: String {
    let note = inputRange == .unit ? " (--range states another)" : ""
    return inputRange == outputRange || !outputIsRanged
      ? "\(inputRange) for black...white\(note)"
      : "\(inputRange) for black...white, \(outputRange) in the result\(note)"
  }
}
