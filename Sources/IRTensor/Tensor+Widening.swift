extension Tensor {
  /// The tensor with zeros for further entries of its second axis: a convolution's weight for more input
  /// channels, of which the result does not depend.
  /// - Precondition: the rank is at least 2, and `count` at least the extent of that axis.
  package func widened(toChannels count: Int) -> Tensor {
    precondition(shape.rank >= 2 && count >= shape[1])
    var wide = shape
    wide[1] = count
    var result = Tensor(zeros: type.with(shape: wide))
    let rowByteCount = shape.dropFirst(1).reduce(elementType.byteCount, *)
    let wideByteCount = wide.dropFirst(1).reduce(elementType.byteCount, *)
    result.withUnsafeMutableBytes { target in
      withUnsafeBytes { source in
        for row in 0..<shape[0] {
          UnsafeMutableRawBufferPointer(rebasing: target[(row * wideByteCount)...].prefix(rowByteCount))
            .copyMemory(
              from: UnsafeRawBufferPointer(rebasing: source[(row * rowByteCount)...].prefix(rowByteCount)))
        }
      }
    }
    return result
  }
}
