import IRDegradation
import IRImage
import IRTensor

/// Where batches come from. A batch is a pure function of the seed and the step: runs repeat, and a resumed run
/// goes on as if it had not stopped.
public struct TrainingData: Sendable {
  public enum Source: Sendable {
    /// Clean photographs, degraded here.
    case clean(ImageSet, [TrainingTask])
    /// Pictures that belong together, in the same order; there is one task.
    case pairs(low: ImageSet, high: ImageSet)
  }

  /// Images as a step takes them.
  public struct Batch: Sendable {
    public var images: Tensor
    public var targets: Tensor
    /// The number of each image's category.
    public var tasks: [Int]
  }

  public let source: Source
  public let seed: UInt64
  public let batch: TrainingGraph.Batch
  /// The kinds of damage in the order of their numbers.
  public let categories: [String]

  /// - Throws: `TrainingError.data` where pictures are missing, or pairs do not fit together.
  public init(source: Source, seed: UInt64, batch: TrainingGraph.Batch) throws(TrainingError) {
    (self.source, self.seed, self.batch) = (source, seed, batch)
    switch source {
    case .clean(_, let tasks):
      guard !tasks.isEmpty else { throw .data(detail: "there are no tasks") }
      categories = TrainingTask.categories(tasks)
    case .pairs(let low, let high):
      guard low.paths.count == high.paths.count else {
        throw .data(detail: "\(low.paths.count) and \(high.paths.count) pictures are no pairs")
      }
      categories = ["pairs"]
    }
  }

  /// How many kinds of damage the data tell apart.
  public var taskCount: Int { categories.count }

  /// The batch of a step, counted from 0.
  public func batch(at step: Int) throws(TrainingError) -> Batch {
    var (images, targets, tasks) = ([Float](), [Float](), [Int]())
    var channels = 3
    for index in 0..<batch.count {
      var random = RandomSource(seed: seed, stream: UInt64(step * batch.count + index))
      let (low, high, task) = try sample(&random)
      let turn = random.index(below: 8)
      images += low.turned(turn)
      targets += high.turned(turn)
      tasks.append(task)
      channels = low.channelCount
    }
    let shape: Shape = [batch.count, channels, batch.height, batch.width]
    return Batch(
      images: Tensor(images, shape: shape), targets: Tensor(targets, shape: shape), tasks: tasks)
  }

  private func sample(_ random: inout RandomSource) throws(TrainingError) -> (Image, Image, task: Int) {
    switch source {
    case .clean(let set, let tasks):
      let index = random.index(below: set.paths.count)
      let task = pick(tasks, &random)
      let (left, top) = try place(set, index, &random)
      let degradation = task.degradation
      // Larger, where the picture goes on, so that blurs see what lies beyond the crop.
      let size = try set.size(of: index)
      let reach = degradation.reachInPixels
      let (x0, y0) = (max(left - reach, 0), max(top - reach, 0))
      let (x1, y1) = (
        min(left + batch.width + reach, size.width), min(top + batch.height + reach, size.height)
      )
      let whole = try set.crop(index, left: x0, top: y0, width: x1 - x0, height: y1 - y0)
      let frame = Degradation.Frame(width: size.width, height: size.height, left: x0, top: y0)
      let spoiled = degradation.applied(to: whole, seed: random.next(), frame: frame)
      func cut(_ image: Image) -> Image {
        image.cut(left: left - x0, top: top - y0, width: batch.width, height: batch.height)
      }
      return (cut(spoiled), cut(whole), categories.firstIndex(of: task.category) ?? 0)
    case .pairs(let low, let high):
      let index = random.index(below: low.paths.count)
      let (a, b) = (try low.size(of: index), try high.size(of: index))
      guard a == b else {
        throw .data(
          detail:
            "\(low.paths[index]) and \(high.paths[index]) have \(a.width)×\(a.height) and \(b.width)×\(b.height) pixels"
        )
      }
      let (left, top) = try place(low, index, &random)
      return (
        try low.crop(index, left: left, top: top, width: batch.width, height: batch.height),
        try high.crop(index, left: left, top: top, width: batch.width, height: batch.height), 0
      )
    }
  }

  private func pick(_ tasks: [TrainingTask], _ random: inout RandomSource) -> TrainingTask {
    var rest = random.uniform() * tasks.reduce(0) { $0 + $1.weight }
    for task in tasks {
      rest -= task.weight
      if rest < 0 { return task }
    }
    return tasks[tasks.count - 1]
  }

  private func place(
    _ set: ImageSet, _ index: Int, _ random: inout RandomSource
  ) throws(TrainingError) -> (left: Int, top: Int) {
    let size = try set.size(of: index)
    guard size.width >= batch.width, size.height >= batch.height else {
      throw .data(
        detail:
          "\(set.paths[index]): \(size.width)×\(size.height) pixels, smaller than a crop of \(batch.width)×\(batch.height)"
      )
    }
    let left = random.index(below: size.width - batch.width + 1)
    return (left, random.index(below: size.height - batch.height + 1))
  }
}

extension Image {
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

  /// The pixels of one of the eight ways to turn and mirror; the ways that exchange the sides are for squares, and
  /// leave other pictures as they are.
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
