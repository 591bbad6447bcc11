/// Means of a picture and of its restoration, for the whole and for a grid of regions, in levels of 0...255.
struct ToneComparison {
  /// Regions have at least this side in input pixels, where the picture is so large.
  static let leastSide = 32
  /// Regions in a row and in a column, at most.
  static let sideCount = 8
  /// The weights of red, green and blue in luma (BT.601).
  static let lumaWeights = [0.299, 0.587, 0.114]

  struct Region {
    var rows: Range<Int>
    var columns: Range<Int>
    /// Pixels that are seen.
    var count = 0
    fileprivate var channels: [Sums]

    fileprivate init(rows: Range<Int>, columns: Range<Int>, channelCount: Int) {
      self.rows = rows
      self.columns = columns
      channels = [Sums](repeating: Sums(), count: channelCount)
    }

    private func luma(_ value: (Sums) -> Double) -> Double {
      channels.count == 1
        ? value(channels[0])
        : zip(channels, ToneComparison.lumaWeights).reduce(0) { $0 + $1.1 * value($1.0) }
    }
    private func mean(_ sum: Double) -> Double { sum / Double(max(count, 1)) }

    var before: Double { luma { mean($0.input) } }
    var after: Double { luma { mean($0.input + $0.difference) } }
    var shift: Double { luma { mean($0.difference) } }
    var channelShifts: [Double] { channels.map { mean($0.difference) } }
    /// The input's means by channel.
    var channelMeans: [Double] { channels.map { mean($0.input) } }

    /// Levels by which removing clipped noise may move the mean in the direction of its shift.
    var allowance: Double {
      let isDarker = shift < 0
      return luma { sums in
        let mean = mean(sums.difference)
        let deviation = max(0, self.mean(sums.squaredDifference) - mean * mean).squareRoot()
        return HarmCheck.clippedNoiseFactor * self.mean(Double(isDarker ? sums.black : sums.white))
          * deviation
      }
    }

    fileprivate mutating func add(_ other: Region) {
      count += other.count
      for channel in channels.indices { channels[channel].add(other.channels[channel]) }
    }
  }

  /// Sums over the pixels of one channel.
  fileprivate struct Sums {
    var input = 0.0
    /// Restored less given.
    var difference = 0.0
    var squaredDifference = 0.0
    /// Samples of the input at the ends of its range.
    var black = 0
    var white = 0

    mutating func add(_ other: Sums) {
      input += other.input
      difference += other.difference
      squaredDifference += other.squaredDifference
      black += other.black
      white += other.white
    }
  }

  /// How often each of 256 levels occurs.
  struct Levels {
    private(set) var counts = [Int](repeating: 0, count: 256)

    mutating func add(_ value: Float) { counts[Int(max(0, min(255, (value * 255).rounded())))] += 1 }

    var distinctCount: Int { counts.count { $0 > 0 } }
    var shareAtEnds: Double { Double(counts[0] + counts[255]) / Double(max(1, counts.reduce(0, +))) }
    /// The largest level less the smallest.
    var span: Int {
      guard let first = counts.firstIndex(where: { $0 > 0 }), let last = counts.lastIndex(where: { $0 > 0 })
      else { return 0 }
      return last - first
    }
  }

  let whole: Region
  let regions: [Region]
  let inputLevels: Levels
  let outputLevels: Levels

  /// - Precondition: the output has the input's channels and `scale` times its sides.
  init(_ input: Image, _ output: Image, scale: Int) {
    func count(_ side: Int) -> Int { max(1, min(Self.sideCount, side / Self.leastSide)) }
    func pieces(_ side: Int) -> [Range<Int>] {
      let count = count(side)
      return (0..<count).map { ($0 * side / count)..<(($0 + 1) * side / count) }
    }
    var (inputLevels, outputLevels) = (Levels(), Levels())
    var regions: [Region] = []
    var whole = Region(
      rows: 0..<input.height, columns: 0..<input.width, channelCount: input.channelCount)
    for rows in pieces(input.height) {
      for columns in pieces(input.width) {
        var region = Region(rows: rows, columns: columns, channelCount: input.channelCount)
        Self.add(input, output, scale, to: &region, &inputLevels, &outputLevels)
        if region.count > 0 { regions.append(region) }
        whole.add(region)
      }
    }
    (self.whole, self.regions, self.inputLevels, self.outputLevels) = (
      whole, regions, inputLevels, outputLevels
    )
  }

  private static func add(
    _ input: Image, _ output: Image, _ scale: Int, to region: inout Region, _ inputLevels: inout Levels,
    _ outputLevels: inout Levels
  ) {
    let share = 1 / Float(scale * scale)
    let alpha = input.alpha
    input.pixels.withUnsafeBufferPointer { given in
      output.pixels.withUnsafeBufferPointer { restored in
        for row in region.rows {
          for column in region.columns {
            if let alpha, !(alpha[row * input.width + column] > 0) { continue }
            region.count += 1
            for channel in 0..<input.channelCount {
              let before = given[(channel * input.height + row) * input.width + column]
              var after: Float = 0
              for y in 0..<scale {
                let start =
                  (channel * output.height + scale * row + y) * output.width + scale * column
                for sample in restored[start..<(start + scale)] where sample.isFinite {
                  outputLevels.add(sample)
                  after += sample
                }
              }
              guard before.isFinite else { continue }
              inputLevels.add(before)
              let difference = Double(after * share - before) * 255
              region.channels[channel].input += Double(before) * 255
              region.channels[channel].difference += difference
              region.channels[channel].squaredDifference += difference * difference
              // Half a level of 8 bits from an end rounds to it.
              if before <= 0.5 / 255 { region.channels[channel].black += 1 }
              if before >= 254.5 / 255 { region.channels[channel].white += 1 }
            }
          }
        }
      }
    }
  }
}
