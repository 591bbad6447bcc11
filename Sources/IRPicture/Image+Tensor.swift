import IRTensor

extension Tensor {
  /// An image's colours as float32 `[1, C, H, W]`, with black at 0 and white at 1.
  public init(_ image: Image) {
    self.init(image.pixels, shape: [1, image.channelCount, image.height, image.width])
  }

  /// Pads an image tensor `[N, C, H, W]` float32 at the bottom and the right to multiples of `multiple`
  /// by mirroring without repeating the edge (torch's `reflect`). If a side is too short, the mirror image is
  /// repeated with period 2(side - 1); a side of 1 is replicated.
  public func reflectPadded(toMultipleOf multiple: Int) -> Tensor {
    precondition(shape.rank == 4 && multiple > 0)
    return reflectPadded(
      height: shape[2].roundedUp(toMultipleOf: multiple),
      width: shape[3].roundedUp(toMultipleOf: multiple))
  }

  /// Pads to sides that are at least the tensor's, in the same way.
  package func reflectPadded(height paddedHeight: Int, width paddedWidth: Int) -> Tensor {
    precondition(shape.rank == 4 && elementType == .float32)
    let (height, width) = (shape[2], shape[3])
    precondition(paddedHeight >= height && paddedWidth >= width)
    guard paddedHeight != height || paddedWidth != width else { return self }
    let rows = (0..<paddedHeight).map { mirrored($0, side: height) }
    let columns = (0..<paddedWidth).map { mirrored($0, side: width) }
    let planeCount = shape[0] * shape[1]
    let type = TensorType(.float32, [shape[0], shape[1], paddedHeight, paddedWidth])
    return withElements(as: Float.self) { source in
      Tensor(type) { bytes in
        let target = bytes.bindMemory(to: Float.self)
        var position = 0
        for plane in 0..<planeCount {
          for row in rows {
            let start = (plane * height + row) * width
            for column in columns {
              target[position] = source[start + column]
              position += 1
            }
          }
        }
      }
    }
  }

  /// The top left `height` × `width` pixels of an image tensor `[N, C, H, W]` float32.
  public func cropped(height: Int, width: Int) -> Tensor {
    precondition(shape.rank == 4 && elementType == .float32 && height <= shape[2] && width <= shape[3])
    guard height != shape[2] || width != shape[3] else { return self }
    let (rows, columns) = (shape[2], shape[3])
    let planeCount = shape[0] * shape[1]
    return withElements(as: Float.self) { source in
      Tensor(TensorType(.float32, [shape[0], shape[1], height, width])) { bytes in
        let target = bytes.bindMemory(to: Float.self)
        for plane in 0..<planeCount {
          for row in 0..<height {
            for column in 0..<width {
              target[(plane * height + row) * width + column] =
                source[(plane * rows + row) * columns + column]
            }
          }
        }
      }
    }
  }
}

/// The index that a mirror at both ends shows at `position`.
package func mirrored(_ position: Int, side: Int) -> Int {
  guard side > 1 else { return 0 }
  let period = 2 * (side - 1)
  let offset = position % period
  return offset < side ? offset : period - offset
}
