import IRTensor

/// The eight turns and mirrorings of a picture.
struct Dihedral: Hashable {
  /// Rows become columns, before anything is mirrored.
  var transposes = false
  var mirrorsRows = false
  var mirrorsColumns = false

  static let identity = Dihedral()
  /// Those that keep the sides first, so that each shape of picture comes in one run.
  static let all = [false, true].flatMap { transposes in
    [false, true].flatMap { rows in
      [false, true].map { Dihedral(transposes: transposes, mirrorsRows: rows, mirrorsColumns: $0) }
    }
  }

  /// The image `[1, C, H, W]` float32 turned.
  func applied(to image: Tensor) -> Tensor {
    guard self != .identity else { return image }
    let (height, width) = (image.shape[2], image.shape[3])
    let (newHeight, newWidth) = transposes ? (width, height) : (height, width)
    return map(image, newHeight, newWidth) { row, column in
      let (r, c) = (
        mirrorsRows ? newHeight - 1 - row : row, mirrorsColumns ? newWidth - 1 - column : column
      )
      return transposes ? c * width + r : r * width + c
    }
  }

  /// The turned image turned back.
  func undone(on image: Tensor) -> Tensor {
    guard self != .identity else { return image }
    let (height, width) = (image.shape[2], image.shape[3])
    let (oldHeight, oldWidth) = transposes ? (width, height) : (height, width)
    return map(image, oldHeight, oldWidth) { row, column in
      let (r, c) = transposes ? (column, row) : (row, column)
      return (mirrorsRows ? height - 1 - r : r) * width + (mirrorsColumns ? width - 1 - c : c)
    }
  }

  private func map(_ image: Tensor, _ height: Int, _ width: Int, _ source: (Int, Int) -> Int) -> Tensor {
    let planeCount = image.shape[0] * image.shape[1]
    return image.withElements(as: Float.self) { elements in
      Tensor(TensorType(.float32, [image.shape[0], image.shape[1], height, width])) { bytes in
        let target = bytes.bindMemory(to: Float.self)
        let count = height * width
        for row in 0..<height {
          for column in 0..<width {
            let from = source(row, column)
            for plane in 0..<planeCount {
              target[plane * count + row * width + column] = elements[plane * count + from]
            }
          }
        }
      }
    }
  }
}
