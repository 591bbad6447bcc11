/// The place of chroma samples among those of luma, for one direction.
package enum ChromaPlace: Hashable, Sendable {
  /// One for each.
  case everywhere
  /// One for two, on the first of them.
  case onFirst
  /// One for two, between them.
  case between

  /// Chroma samples of a side.
  func count(_ side: Int) -> Int { self == .everywhere ? side : (side + 1) / 2 }

  /// Values at each of `count` places, linear between samples.
  func spread(_ samples: (Int) -> Float, to count: Int, _ write: (Int, Float) -> Void) {
    let last = self.count(count) - 1
    for place in 0..<count {
      switch self {
      case .everywhere: write(place, samples(place))
      case .onFirst:
        let below = place / 2
        let value = samples(below)
        write(place, place % 2 == 0 ? value : (value + samples(min(below + 1, last))) / 2)
      case .between:
        let near = place / 2
        let far = place % 2 == 0 ? max(near - 1, 0) : min(near + 1, last)
        write(place, 0.75 * samples(near) + 0.25 * samples(far))
      }
    }
  }

  /// Means of `count` values for each sample.
  func gather(_ values: (Int) -> Float, of count: Int, _ write: (Int, Float) -> Void) {
    for sample in 0..<self.count(count) {
      switch self {
      case .everywhere: write(sample, values(sample))
      case .onFirst:
        let middle = 2 * sample
        write(
          sample,
          (values(max(middle - 1, 0)) + 2 * values(middle) + values(min(middle + 1, count - 1))) / 4)
      case .between:
        write(sample, (values(2 * sample) + values(min(2 * sample + 1, count - 1))) / 2)
      }
    }
  }
}

/// The places of chroma samples in both directions.
package struct ChromaGrid: Hashable, Sendable {
  package var horizontal: ChromaPlace
  package var vertical: ChromaPlace

  package init(_ horizontal: ChromaPlace, _ vertical: ChromaPlace) {
    (self.horizontal, self.vertical) = (horizontal, vertical)
  }

  func width(_ width: Int) -> Int { horizontal.count(width) }
  func height(_ height: Int) -> Int { vertical.count(height) }

  /// A plane of chroma at each pixel of luma.
  func spread(_ plane: [Float], width: Int, height: Int) -> [Float] {
    guard self != ChromaGrid(.everywhere, .everywhere) else { return plane }
    let (ownWidth, ownHeight) = (self.width(width), self.height(height))
    var wide = [Float](repeating: 0, count: width * ownHeight)
    var result = [Float](repeating: 0, count: width * height)
    plane.withUnsafeBufferPointer { source in
      wide.withUnsafeMutableBufferPointer { wide in
        for row in 0..<ownHeight {
          horizontal.spread({ source[row * ownWidth + $0] }, to: width) { wide[row * width + $0] = $1 }
        }
        result.withUnsafeMutableBufferPointer { target in
          for column in 0..<width {
            vertical.spread({ wide[$0 * width + column] }, to: height) { target[$0 * width + column] = $1 }
          }
        }
      }
    }
    return result
  }

  /// A plane of values at each pixel as means at the places of chroma.
  func gather(_ plane: [Float], width: Int, height: Int) -> [Float] {
    guard self != ChromaGrid(.everywhere, .everywhere) else { return plane }
    let (ownWidth, ownHeight) = (self.width(width), self.height(height))
    var narrow = [Float](repeating: 0, count: ownWidth * height)
    var result = [Float](repeating: 0, count: ownWidth * ownHeight)
    plane.withUnsafeBufferPointer { source in
      narrow.withUnsafeMutableBufferPointer { narrow in
        for row in 0..<height {
          horizontal.gather({ source[row * width + $0] }, of: width) { narrow[row * ownWidth + $0] = $1 }
        }
        result.withUnsafeMutableBufferPointer { target in
          for column in 0..<ownWidth {
            vertical.gather({ narrow[$0 * ownWidth + column] }, of: height) {
              target[$0 * ownWidth + column] = $1
            }
          }
        }
      }
    }
    return result
  }
}
