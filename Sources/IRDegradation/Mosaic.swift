/// One plane of a sensor whose pixels see one colour each, in a Bayer pattern.
struct Mosaic {
  /// How missing colours are interpolated.
  enum Interpolation {
    case bilinear
    /// With corrections by the second differences of the colour that is known (Malvar, He and Cutler 2004).
    case gradientCorrected
  }

  var width: Int
  var height: Int
  var samples: [Float]
  /// The column and row of the red pixel in each square of 2×2; blue is diagonally across.
  var phase: (x: Int, y: Int)

  /// The channel that a pixel sees.
  @inline(__always)
  func channel(_ x: Int, _ y: Int) -> Int {
    let (isRedColumn, isRedRow) = (x & 1 == phase.x, y & 1 == phase.y)
    return isRedRow ? (isRedColumn ? 0 : 1) : (isRedColumn ? 1 : 2)
  }

  init(_ colours: Planes, phase: (x: Int, y: Int)) {
    precondition(colours.channelCount == 3)
    width = colours.width
    height = colours.height
    self.phase = phase
    samples = [Float](repeating: 0, count: colours.area)
    for y in 0..<height {
      for x in 0..<width {
        samples[y * width + x] = colours.pixels[channel(x, y) * colours.area + y * width + x]
      }
    }
  }

  /// The three colours of every pixel. Edges are mirrored about the outermost pixels, which keeps the
  /// pattern.
  func interpolated(_ interpolation: Interpolation) -> Planes {
    let margin = 2
    let wide = width + 2 * margin
    func mirrored(_ position: Int, _ count: Int) -> Int {
      if count == 1 { return 0 }
      let period = 2 * (count - 1)
      let place = ((position % period) + period) % period
      return place < count ? place : period - place
    }
    var padded = [Float](repeating: 0, count: wide * (height + 2 * margin))
    for y in 0..<(height + 2 * margin) {
      let row = mirrored(y - margin, height) * width
      for x in 0..<wide { padded[y * wide + x] = samples[row + mirrored(x - margin, width)] }
    }
    var result = Planes(
      width: width, height: height, channelCount: 3, pixels: [Float](repeating: 0, count: 3 * width * height))
    let area = width * height
    let isCorrected = interpolation == .gradientCorrected
    padded.withUnsafeBufferPointer { p in
      result.pixels.withUnsafeMutableBufferPointer { out in
        for y in 0..<height {
          for x in 0..<width {
            let at = (y + margin) * wide + x + margin
            let (here, place) = (p[at], y * width + x)
            let horizontal = p[at - 1] + p[at + 1]
            let vertical = p[at - wide] + p[at + wide]
            let diagonal = p[at - wide - 1] + p[at - wide + 1] + p[at + wide - 1] + p[at + wide + 1]
            let (farHorizontal, farVertical) = (p[at - 2] + p[at + 2], p[at - 2 * wide] + p[at + 2 * wide])
            let far = farHorizontal + farVertical
            let own = channel(x, y)
            out[own * area + place] = here
            if own == 1 {
              // Red lies in this row where the row is red's, else in this column.
              let across: Float
              let down: Float
              if isCorrected {
                across = (5 * here + 4 * horizontal - farHorizontal - diagonal + farVertical / 2) / 8
                down = (5 * here + 4 * vertical - farVertical - diagonal + farHorizontal / 2) / 8
              } else {
                across = horizontal / 2
                down = vertical / 2
              }
              let isRedRow = y & 1 == phase.y
              out[place] = isRedRow ? across : down
              out[2 * area + place] = isRedRow ? down : across
            } else {
              out[area + place] =
                isCorrected
                ? (4 * here + 2 * (horizontal + vertical) - far) / 8 : (horizontal + vertical) / 4
              out[(2 - own) * area + place] =
                isCorrected ? (6 * here + 2 * diagonal - 1.5 * far) / 8 : diagonal / 4
            }
          }
        }
      }
    }
    return result
  }
}
