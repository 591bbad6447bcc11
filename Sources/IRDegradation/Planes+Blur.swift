import Foundation

/// A small weighting of neighbours, of odd sides, that sums to 1.
struct BlurKernel {
  var side: Int
  var weights: [Float]

  /// - Precondition: some weight is positive.
  init(side: Int, _ weights: [Double]) {
    let sum = weights.reduce(0, +)
    precondition(side % 2 == 1 && weights.count == side * side && sum > 0)
    self.side = side
    self.weights = weights.map { Float($0 / sum) }
  }
}

/// The pixels on each side of a Gaussian's centre that count.
private func gaussianRadius(sigma: Double) -> Int { max(1, Int((3 * sigma).rounded(.up))) }

/// exp(-x²/2σ²) at -radius...radius, not normalised.
private func gaussian(sigma: Double) -> [Double] {
  let radius = gaussianRadius(sigma: sigma)
  return (-radius...radius).map { exp(-Double($0 * $0) / (2 * sigma * sigma)) }
}

func gaussianKernel(sigma: Double) -> BlurKernel {
  let radius = gaussianRadius(sigma: sigma)
  var weights: [Double] = []
  for y in -radius...radius {
    for x in -radius...radius { weights.append(exp(-Double(x * x + y * y) / (2 * sigma * sigma))) }
  }
  return BlurKernel(side: 2 * radius + 1, weights)
}

/// A line through the centre, with soft edges; the angle from the x axis, y downwards.
func lineKernel(length: Double, angle: Double, width: Double = 1) -> BlurKernel {
  let radius = Int((length / 2 + width / 2).rounded(.up))
  let (dx, dy) = (cos(angle), sin(angle))
  var weights: [Double] = []
  for y in -radius...radius {
    for x in -radius...radius {
      let along = (Double(x) * dx + Double(y) * dy).magnitude
      let across = (Double(y) * dx - Double(x) * dy).magnitude
      let inside = min(max(length / 2 + 0.5 - along, 0), 1) * min(max(width / 2 + 0.5 - across, 0), 1)
      weights.append(inside)
    }
  }
  return BlurKernel(side: 2 * radius + 1, weights)
}

/// A disk, its edge in proportion to what it covers of each pixel.
func diskKernel(radius: Double) -> BlurKernel {
  let reach = Int((radius + 0.5).rounded(.up))
  let parts = 8
  var weights: [Double] = []
  for y in -reach...reach {
    for x in -reach...reach {
      var covered = 0
      for i in 0..<parts {
        for j in 0..<parts {
          let u = Double(x) + (Double(i) + 0.5) / Double(parts) - 0.5
          let v = Double(y) + (Double(j) + 0.5) / Double(parts) - 0.5
          if u * u + v * v <= radius * radius { covered += 1 }
        }
      }
      weights.append(Double(covered))
    }
  }
  return BlurKernel(side: 2 * reach + 1, weights)
}

/// The path of a camera that shakes (Boracchi and Foi 2012, with the numbers of DeblurGAN), in a window of at
/// most 31 pixels.
func trajectoryKernel(_ random: inout RandomSource) -> BlurKernel {
  let (stepCount, length) = (2000, random.uniform(20...60))
  let stride = length / Double(stepCount - 1)
  let pull = 0.7 * random.uniform()
  let shake = 0.2 * random.uniform()
  let spread = 10 * random.uniform()
  let impulses = [0.01, 0.009, 0.008, 0.007, 0.005, 0.003]
  let impulse = impulses[random.index(below: impulses.count)]
  let start = 2 * Double.pi * random.uniform()
  var velocity = (x: stride * cos(start), y: stride * sin(start))
  var place = (x: 0.0, y: 0.0)
  var path = [place]
  for _ in 1..<stepCount {
    var change = (x: 0.0, y: 0.0)
    if random.uniform() < shake * impulse {
      let turn = Double.pi + random.uniform() - 0.5
      let (c, s) = (cos(turn), sin(turn))
      change = (2 * (velocity.x * c - velocity.y * s), 2 * (velocity.x * s + velocity.y * c))
    }
    let (nx, ny) = (random.normal(), random.normal())
    velocity.x += change.x + impulse * (spread * nx - pull * place.x) * stride
    velocity.y += change.y + impulse * (spread * ny - pull * place.y) * stride
    let speed = (velocity.x * velocity.x + velocity.y * velocity.y).squareRoot()
    if speed > 0 { velocity = (velocity.x / speed * stride, velocity.y / speed * stride) }
    place = (place.x + velocity.x, place.y + velocity.y)
    path.append(place)
  }
  let shares = [0.1, 0.5, 1]
  let exposed = path.prefix(Int(Double(stepCount) * shares[random.index(below: shares.count)]))
  let centre = exposed.reduce((x: 0.0, y: 0.0)) { ($0.x + $1.x, $0.y + $1.y) }
  let (cx, cy) = (centre.x / Double(exposed.count), centre.y / Double(exposed.count))
  let radius = 15
  let side = 2 * radius + 1
  var weights = [Double](repeating: 0, count: side * side)
  for point in exposed {
    let x = min(max(point.x - cx, -Double(radius) + 0.001), Double(radius) - 0.001) + Double(radius)
    let y = min(max(point.y - cy, -Double(radius) + 0.001), Double(radius) - 0.001) + Double(radius)
    let (column, row) = (Int(x), Int(y))
    let (u, v) = (x - Double(column), y - Double(row))
    weights[row * side + column] += (1 - u) * (1 - v)
    weights[row * side + column + 1] += u * (1 - v)
    weights[(row + 1) * side + column] += (1 - u) * v
    weights[(row + 1) * side + column + 1] += u * v
  }
  return BlurKernel(side: side, weights)
}

extension Planes {
  /// Each plane convolved with a Gaussian, first along rows and then along columns; the edges repeated.
  func softened(sigma: Double) -> Planes {
    let weights = gaussian(sigma: sigma)
    let sum = weights.reduce(0, +)
    let taps = weights.map { Float($0 / sum) }
    let radius = taps.count / 2
    var result = self
    var line = [Float](repeating: 0, count: max(width, height) + 2 * radius)
    func soften(count: Int, start: Int, step: Int) {
      for i in 0..<(count + 2 * radius) {
        line[i] = result.pixels[start + min(max(i - radius, 0), count - 1) * step]
      }
      for i in 0..<count {
        var value: Float = 0
        for (tap, weight) in taps.enumerated() { value += weight * line[i + tap] }
        result.pixels[start + i * step] = value
      }
    }
    for row in 0..<(channelCount * height) { soften(count: width, start: row * width, step: 1) }
    for channel in 0..<channelCount {
      for column in 0..<width { soften(count: height, start: channel * area + column, step: width) }
    }
    return result
  }

  /// Each plane correlated with the kernel, the edges repeated.
  func filtered(_ kernel: BlurKernel) -> Planes {
    let radius = kernel.side / 2
    let taps = kernel.weights.indices.filter { kernel.weights[$0] != 0 }
    let padded = (width: width + 2 * radius, height: height + 2 * radius)
    var result = self
    var source = [Float](repeating: 0, count: padded.width * padded.height)
    for channel in 0..<channelCount {
      for y in 0..<padded.height {
        let row = channel * area + min(max(y - radius, 0), height - 1) * width
        for x in 0..<padded.width {
          source[y * padded.width + x] = pixels[row + min(max(x - radius, 0), width - 1)]
        }
      }
      result.pixels.withUnsafeMutableBufferPointer { target in
        source.withUnsafeBufferPointer { source in
          for y in 0..<height {
            let start = channel * area + y * width
            for x in 0..<width { target[start + x] = 0 }
            for tap in taps {
              let weight = kernel.weights[tap]
              let from = (y + tap / kernel.side) * padded.width + tap % kernel.side
              for x in 0..<width { target[start + x] += weight * source[from + x] }
            }
          }
        }
      }
    }
    return result
  }

  /// Moved while exposed: along a line of this length, or without one along a line of 5...30 pixels or a
  /// camera's path; in linear light (γ 2.2).
  mutating func blurByMotion(_ length: ClosedRange<Double>?, _ random: inout RandomSource) {
    func line(_ length: ClosedRange<Double>) -> BlurKernel {
      lineKernel(length: random.uniform(length), angle: random.uniform(0...Double.pi))
    }
    let kernel: BlurKernel
    if let length {
      kernel = line(length)
    } else {
      kernel = random.uniform() < 0.5 ? line(5...30) : trajectoryKernel(&random)
    }
    for i in pixels.indices { pixels[i] = Float(pow(min(max(Double(pixels[i]), 0), 1), 2.2)) }
    self = filtered(kernel)
    for i in pixels.indices { pixels[i] = Float(pow(Double(pixels[i]), 1 / 2.2)) }
  }

  /// Out of focus: a disk of this radius, softened.
  mutating func blurByDefocus(_ radius: ClosedRange<Double>, _ random: inout RandomSource) {
    let disk = diskKernel(radius: random.uniform(radius))
    let soft = gaussianKernel(sigma: random.uniform(0.3...0.5))
    self = filtered(disk).filtered(soft)
  }
}
