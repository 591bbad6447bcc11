import IRCompiler
import IRRestorers
import IRRuntime
import IRTensor

extension RestorationModel {
  /// Settings that the model needs and that are missing, or that it does not take, in words.
  func missing(_ settings: RestorationSettings) -> String? {
    if noise == .channel, !settings.statesNoise {
      return
        "its picture has \(image.channelCount) channels: with a noise level (-n LEVEL, or -n auto) the last is its map"
    }
    if noise == nil, settings.statesNoise { return "it takes no noise level" }
    guard let picture = pictures.first(where: { settings.pictures[$0.name] == nil }) else { return nil }
    let level = picture.mayBeNoiseMap ? ", or a noise level (-n LEVEL, or -n auto)" : ""
    return
      "it takes a second picture in its input \(picture.name): give it one (--input \(picture.name)=FILE)\(level)"
  }

  /// The output whose picture is most like the one that it is made of, where several are alike otherwise.
  func likeliestOutput(
    _ settings: RestorationSettings, _ options: RuntimeOptions
  ) throws -> RestoredOutput? {
    guard choices.count > 1, !isOutputNamed else { return nil }
    var best: (output: RestoredOutput, likeness: Double)?
    for choice in choices {
      var model = self
      model.output = choice
      let likeness = try model.likeness(settings, options)
      // Differences that are smaller than rounding are none: the first of the file stands.
      if likeness > (best?.likeness ?? -.infinity) + 1e-3 { best = (choice, likeness) }
    }
    return best?.output
  }

  /// The correlation of a picture's samples with those of its restoration, -1...1.
  private func likeness(_ settings: RestorationSettings, _ options: RuntimeOptions) throws -> Double {
    let side = 96.roundedUp(toMultipleOf: sides.multiple)
    let (height, width) = (fixedSides.height ?? side, fixedSides.width ?? side)
    let program = try Compiler(threadCount: options.threadCount).compile(
      try graph(height: height, width: width))
    let planes = Self.sample(count: planeCount, height: height, width: width)
    var inputs = [image.name: planes]
    if let name = noiseName, let port = program.inputs.first(where: { $0.name == name }) {
      inputs[name] = Tensor(port.type, repeating: noiseValue(settings.noiseLevel ?? unstatedNoiseLevel ?? 0))
    }
    let session = try Session(program, options: options)
    guard let result = try session.run(inputs)[output.name] else { return -1 }
    let (given, made) = (planes.floats, result.floats)
    let means = BlockMeans(
      side: scale, channels: output.channelCount, height: scale * height, width: scale * width
    ) { made[($0 * scale * height + $1) * scale * width + $2] }
    return Self.correlation(Array(given.prefix(means.values.count)), means.values)
  }

  /// Shades, edges and a little texture, in the middle of the range.
  private static func sample(count: Int, height: Int, width: Int) -> Tensor {
    var samples: [Float] = []
    samples.reserveCapacity(count * height * width)
    for plane in 0..<count {
      for row in 0..<height {
        for column in 0..<width {
          let slope = Float(row + (plane + 1) * column) / Float(height + (plane + 1) * width)
          let edge: Float = (row / 12 + column / 17 + plane) % 3 == 0 ? 0.15 : 0
          let grain = Float((row * 31 + column * 17 + plane * 7) % 13) / 13 * 0.04
          samples.append(0.25 + 0.4 * slope + edge + grain)
        }
      }
    }
    return Tensor(samples, shape: [1, count, height, width])
  }

  private static func correlation(_ a: [Float], _ b: [Float]) -> Double {
    let count = Double(min(a.count, b.count))
    let (meanA, meanB) = (
      a.reduce(0) { $0 + Double($1) } / count, b.reduce(0) { $0 + Double($1) } / count
    )
    var (both, ownA, ownB) = (0.0, 0.0, 0.0)
    for (x, y) in zip(a, b) {
      let (u, v) = (Double(x) - meanA, Double(y) - meanB)
      (both, ownA, ownB) = (both + u * v, ownA + u * u, ownB + v * v)
    }
    let result = both / (ownA * ownB).squareRoot()
    return result.isFinite ? result : -1
  }
}
