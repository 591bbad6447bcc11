import Foundation

extension Planes {
  /// Grey streaks on top: bright points, softened and drawn out along a line, one to three layers; clipped.
  mutating func addRain(_ random: inout RandomSource) {
    let layerCount = 1 + random.index(below: 3)
    let margin = 24
    let (wide, tall) = (width + 2 * margin, height + 2 * margin)
    let slant = random.uniform(-30...30)
    for _ in 0..<layerCount {
      let share = random.uniform(0.005...0.04) / Double(layerCount)
      var points = [Float](repeating: 0, count: wide * tall)
      for i in points.indices {
        let value = random.uniform()
        if value > 1 - share { points[i] = Float(value) }
      }
      let field = Planes(width: wide, height: tall, channelCount: 1, pixels: points)
      let soft = field.filtered(gaussianKernel(sigma: random.uniform(0.5...1)))
      let angle = (90 + slant + random.uniform(-5...5)) * Double.pi / 180
      let line = lineKernel(
        length: random.uniform(10...40), angle: angle, width: random.uniform(1...3))
      let streaks = soft.filtered(line)
      var peak: Float = 0
      for y in 0..<height {
        for x in 0..<width { peak = max(peak, streaks.pixels[(y + margin) * wide + x + margin]) }
      }
      guard peak > 0 else { continue }
      let gain = Float(random.uniform(0.3...0.9)) / peak
      for y in 0..<height {
        for x in 0..<width {
          let streak = min(streaks.pixels[(y + margin) * wide + x + margin] * gain, 1)
          for channel in 0..<channelCount { pixels[channel * area + y * width + x] += streak }
        }
      }
    }
    clip()
  }

  /// x t + A (1 - t) with t = exp(-β d): the depth d is a ramp to the sky at the top mixed with a smooth
  /// random field, 0...1; β in `thickness`, A in 0.7...1 with a tint of up to 0.02 a channel (Koschmieder's
  /// law).
  mutating func addHaze(_ thickness: ClosedRange<Double>, _ random: inout RandomSource) {
    let beta = random.uniform(thickness)
    let air = random.uniform(0.7...1)
    let tints = (0..<channelCount).map { _ in random.uniform(-0.02...0.02) }
    let mix = random.uniform(0.3...0.7)
    let nodes = 4
    let grid = (0..<(nodes * nodes)).map { _ in random.uniform() }
    func smooth(_ share: Double) -> (Int, Double) {
      let place = share * Double(nodes - 1)
      let first = min(Int(place), nodes - 2)
      let rest = place - Double(first)
      return (first, rest * rest * (3 - 2 * rest))
    }
    let frame = frame ?? Degradation.Frame(width: width, height: height, left: 0, top: 0)
    let columns = (0..<frame.width).map { x in
      smooth(frame.width > 1 ? Double(x) / Double(frame.width - 1) : 0)
    }
    var depth = [Double](repeating: 0, count: area)
    var (lowest, highest) = (Double.infinity, -Double.infinity)
    var (upper, lower) = (
      [Double](repeating: 0, count: frame.width), [Double](repeating: 0, count: frame.width)
    )
    var rowAtHand = -1
    for y in 0..<frame.height {
      let down = frame.height > 1 ? Double(y) / Double(frame.height - 1) : 0
      let (row, v) = smooth(down)
      if row != rowAtHand {
        rowAtHand = row
        for (x, (column, u)) in columns.enumerated() {
          let i = row * nodes + column
          upper[x] = grid[i] * (1 - u) + grid[i + 1] * u
          lower[x] = grid[i + nodes] * (1 - u) + grid[i + nodes + 1] * u
        }
      }
      let isInside = (frame.top..<(frame.top + height)).contains(y)
      for x in 0..<frame.width {
        let d = mix * (upper[x] * (1 - v) + lower[x] * v) + (1 - mix) * (1 - down)
        (lowest, highest) = (min(lowest, d), max(highest, d))
        if isInside, x >= frame.left, x < frame.left + width {
          depth[(y - frame.top) * width + x - frame.left] = d
        }
      }
    }
    let span = max(highest - lowest, 1e-9)
    for i in 0..<area {
      let transmission = exp(-beta * (depth[i] - lowest) / span)
      for channel in 0..<channelCount {
        let light = min(max(air + tints[channel], 0), 1)
        let value = Double(pixels[channel * area + i]) * transmission + light * (1 - transmission)
        pixels[channel * area + i] = Float(value)
      }
    }
    clip()
  }
}
