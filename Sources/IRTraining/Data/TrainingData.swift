import IRDegradation
import IRImage
import IRTensor

/// The source of batches. A batch is a pure function of the seed and the step: runs repeat, and a resumed run
/// goes on as if it had not stopped.
package struct TrainingData: Sendable {
  /// Pictures of the same scenes, degraded and clean, in the same order.
  package struct Pairs: Sendable {
    package var low: ImageSet
    package var high: ImageSet

    /// - Throws: `TrainingError.data` if the numbers of pictures differ.
    package init(low: ImageSet, high: ImageSet) throws(TrainingError) {
      guard low.paths.count == high.paths.count else {
        throw .data(detail: "\(low.paths.count) and \(high.paths.count) pictures cannot be paired")
      }
      self.low = low
      self.high = high
    }
  }

  /// Images as a step takes them.
  package struct Batch: Sendable {
    package var images: Tensor
    package var targets: Tensor
    /// The number of each image's category.
    package var tasks: [Int]
    /// The noise level that each image's target is without, σ of 0...255.
    package var noiseLevels: [Double]
  }

  /// Photographs that are degraded here; nil if all tasks are pairs.
  package let clean: ImageSet?
  package let pairs: Pairs?
  package let tasks: [TrainingTask]
  package let seed: UInt64
  package let batch: TrainingGraph.Batch
  /// The kinds of damage in the order of their numbers.
  package let categories: [String]

  /// The images of every batch that are made: one in `count`, from the number `index` on. Processes that
  /// share batches take one share each.
  package struct Share: Sendable {
    package var index: Int
    package var count: Int

    /// - Precondition: 0 <= index < count.
    package init(index: Int, count: Int) {
      precondition((0..<count).contains(index))
      self.index = index
      self.count = count
    }
  }

  package var share = Share(index: 0, count: 1)

  /// The share of images, 0...1, that state another noise level than their own. Half of them state less, and
  /// their targets keep the rest of the noise; half of them state more, and their targets are clean. A model
  /// that takes a level learns to remove so much and no more, and no more than there is.
  package var otherLevelShare = 0.0

  /// The share of images, 0...1, that state the model's level for "none stated".
  package var unstatedLevels: (share: Double, level: Double) = (0, 0)

  /// - Throws: `TrainingError.data` if a task has no pictures.
  package init(
    clean: ImageSet?, pairs: Pairs? = nil, tasks: [TrainingTask], seed: UInt64, batch: TrainingGraph.Batch
  ) throws(TrainingError) {
    guard !tasks.isEmpty else { throw .data(detail: "there are no tasks") }
    for task in tasks {
      switch task.source {
      case .degradation where clean == nil:
        throw .data(detail: "the task \(task.name) needs clean photographs")
      case .pairs where pairs == nil: throw .data(detail: "the task pairs needs pairs of photographs")
      default: break
      }
    }
    self.clean = clean
    self.pairs = pairs
    self.tasks = tasks
    self.seed = seed
    self.batch = batch
    categories = TrainingTask.categories(tasks)
  }

  /// How many kinds of damage the data tell apart.
  package var taskCount: Int { categories.count }

  /// The share of a step's batch, the steps counted from 0.
  package func batch(at step: Int) throws(TrainingError) -> Batch {
    var (images, targets, tasks, noiseLevels) = ([Float](), [Float](), [Int](), [Double]())
    var channels = 3
    for index in stride(from: share.index, to: batch.count, by: share.count) {
      var random = RandomSource(seed: seed, stream: UInt64(step * batch.count + index))
      let task = pick(&random)
      var (low, high, level) = try sample(task, &random)
      let turn = random.index(below: 8)
      // Behind all other draws, so that these are the same whatever the shares.
      if unstatedLevels.share > 0, random.uniform() < unstatedLevels.share {
        level = unstatedLevels.level
      } else if otherLevelShare > 0, random.uniform() < otherLevelShare {
        let part = random.uniform()
        if random.uniform() < 0.5 {
          level *= part
          high = low.mixed(with: high, share: part)
        } else {
          level = level * (1 + part) + 2 * random.uniform()
        }
      }
      noiseLevels.append(level)
      images += low.turned(turn)
      targets += high.turned(turn)
      tasks.append(categories.firstIndex(of: task.category) ?? 0)
      channels = low.channelCount
    }
    let shape: Shape = [tasks.count, channels, batch.height, batch.width]
    return Batch(
      images: Tensor(images, shape: shape), targets: Tensor(targets, shape: shape), tasks: tasks,
      noiseLevels: noiseLevels)
  }

  private func sample(
    _ task: TrainingTask, _ random: inout RandomSource
  ) throws(TrainingError) -> (low: Image, high: Image, noiseLevel: Double) {
    switch task.source {
    case .degradation(let degradation):
      guard let clean else { preconditionFailure("checked by init") }
      return try sample(degradation, of: clean, &random)
    case .pairs:
      guard let pairs else { preconditionFailure("checked by init") }
      let (low, high) = try sample(pairs, &random)
      return (low, high, low.noiseLevel(over: high))
    }
  }

  private func sample(
    _ degradation: Degradation, of set: ImageSet, _ random: inout RandomSource
  ) throws(TrainingError) -> (low: Image, high: Image, noiseLevel: Double) {
    let index = random.index(below: set.paths.count)
    let seed = random.next()
    let size = try set.size(of: index)
    // A photograph is not shrunk below the size of a crop.
    let minimumScale = max(
      Double(batch.width) / Double(size.width), Double(batch.height) / Double(size.height))
    let scale = degradation.scale(seed: seed, minimumScale: minimumScale)
    func extent(_ length: Int, within whole: Int) -> Int {
      scale < 1 ? min(Int((Double(length) / scale).rounded(.up)) + 1, max(whole, length)) : length
    }
    let part = (
      width: extent(batch.width, within: size.width), height: extent(batch.height, within: size.height)
    )
    let (left, top) = try place(set, index, part, &random)
    // Larger, where the picture goes on, so that blurs see what lies beyond the crop.
    let reach = degradation.reachInPixels
    let (x0, y0) = (max(left - reach, 0), max(top - reach, 0))
    let (x1, y1) = (min(left + part.width + reach, size.width), min(top + part.height + reach, size.height))
    let whole = try set.crop(index, left: x0, top: y0, width: x1 - x0, height: y1 - y0)
    let frame = Degradation.Frame(width: size.width, height: size.height, left: x0, top: y0)
    let pair = degradation.pair(of: whole, seed: seed, frame: frame, minimumScale: minimumScale)
    // The crop's begin in the result.
    func start(_ offset: Int, _ count: Int, _ length: Int) -> Int {
      max(0, min(Int((Double(offset) * scale).rounded()), count - length))
    }
    let (x, y) = (
      start(left - x0, pair.degraded.width, batch.width), start(top - y0, pair.degraded.height, batch.height)
    )
    func cut(_ image: Image) -> Image {
      image.cut(left: x, top: y, width: batch.width, height: batch.height)
    }
    let (low, high) = (cut(pair.degraded), cut(pair.clean))
    return (low, high, degradation.noiseLevel(seed: seed) ?? low.noiseLevel(over: high))
  }

  private func sample(
    _ pairs: Pairs, _ random: inout RandomSource
  ) throws(TrainingError) -> (low: Image, high: Image) {
    let (low, high) = (pairs.low, pairs.high)
    let index = random.index(below: low.paths.count)
    let (a, b) = (try low.size(of: index), try high.size(of: index))
    guard a == b else {
      throw .data(
        detail:
          "\(low.paths[index]) and \(high.paths[index]) have \(a.width)×\(a.height) and \(b.width)×\(b.height) pixels"
      )
    }
    let (left, top) = try place(low, index, (batch.width, batch.height), &random)
    return (
      try low.crop(index, left: left, top: top, width: batch.width, height: batch.height),
      try high.crop(index, left: left, top: top, width: batch.width, height: batch.height)
    )
  }

  private func pick(_ random: inout RandomSource) -> TrainingTask {
    var rest = random.uniform() * tasks.reduce(0) { $0 + $1.weight }
    for task in tasks {
      rest -= task.weight
      if rest < 0 { return task }
    }
    return tasks[tasks.count - 1]
  }

  private func place(
    _ set: ImageSet, _ index: Int, _ part: (width: Int, height: Int), _ random: inout RandomSource
  ) throws(TrainingError) -> (left: Int, top: Int) {
    let size = try set.size(of: index)
    guard size.width >= part.width, size.height >= part.height else {
      throw .data(
        detail:
          "\(set.paths[index]): \(size.width)×\(size.height) pixels, smaller than a crop of \(part.width)×\(part.height)"
      )
    }
    let left = random.index(below: size.width - part.width + 1)
    return (left, random.index(below: size.height - part.height + 1))
  }
}

extension Image {
  /// The noise level of a degraded picture: the root mean square of its difference from the clean one, in
  /// 0...255.
  /// - Precondition: the pictures have the same sides and channels.
  package func noiseLevel(over clean: Image) -> Double {
    precondition(pixels.count == clean.pixels.count)
    var sum = 0.0
    for (a, b) in zip(pixels, clean.pixels) { sum += Double(a - b) * Double(a - b) }
    return 255 * (sum / Double(max(pixels.count, 1))).squareRoot()
  }

  /// This picture + share · (other - this picture).
  fileprivate func mixed(with other: Image, share: Double) -> Image {
    let share = Float(share)
    return replacing(
      pixels: zip(pixels, other.pixels).map { $0 + share * ($1 - $0) }, channelCount: channelCount)
  }

  /// - Precondition: the part lies inside.
  package func cut(left: Int, top: Int, width: Int, height: Int) -> Image {
    var part: [Float] = []
    part.reserveCapacity(channelCount * width * height)
    for channel in 0..<channelCount {
      for y in top..<(top + height) {
        let start = (channel * self.height + y) * self.width + left
        part += pixels[start..<(start + width)]
      }
    }
    return Image(width: width, height: height, channelCount: channelCount, pixels: part)
  }

  /// The pixels of one of the eight ways to turn and mirror; the ways that exchange the sides are for
  /// squares, and leave other pictures as they are.
  fileprivate func turned(_ way: Int) -> [Float] {
    let exchanges = way & 4 != 0 && width == height
    var result = pixels
    for channel in 0..<channelCount {
      let plane = channel * width * height
      for y in 0..<height {
        let v = way & 2 != 0 ? height - 1 - y : y
        for x in 0..<width {
          let u = way & 1 != 0 ? width - 1 - x : x
          result[plane + y * width + x] = pixels[plane + (exchanges ? u * width + v : v * width + u)]
        }
      }
    }
    return result
  }
}
