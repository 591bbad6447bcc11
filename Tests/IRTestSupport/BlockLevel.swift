import IRGraph
import IROperators
import IRTensor
import Testing

/// A level of a UNet: a picture in blocks, some work on these, and its result as a picture again, added to
/// the first one and read.
package struct BlockLevel: CustomTestStringConvertible, Sendable {
  package var batch, channels, side, height, width: Int
  package var mode: DepthToSpaceMode
  /// Rows of the blocks depend on those around them.
  package var hasWindow: Bool
  /// The skipped picture is kept as float16.
  package var isHalf: Bool

  package init(
    batch: Int = 1, channels: Int, side: Int, height: Int, width: Int,
    mode: DepthToSpaceMode = .columnRowDepth, hasWindow: Bool = false, isHalf: Bool = false
  ) {
    (self.batch, self.channels, self.side) = (batch, channels, side)
    (self.height, self.width, self.mode) = (height, width, mode)
    (self.hasWindow, self.isHalf) = (hasWindow, isHalf)
  }

  package static let samples: [BlockLevel] = [
    BlockLevel(channels: 3, side: 2, height: 1, width: 2),
    BlockLevel(channels: 5, side: 2, height: 4, width: 37),
    BlockLevel(batch: 2, channels: 4, side: 2, height: 13, width: 70, hasWindow: true),
    BlockLevel(batch: 2, channels: 3, side: 3, height: 7, width: 21, mode: .depthColumnRow),
    BlockLevel(channels: 2, side: 4, height: 9, width: 18, mode: .depthColumnRow, hasWindow: true),
    BlockLevel(batch: 2, channels: 3, side: 2, height: 40, width: 16, isHalf: true),
    BlockLevel(channels: 6, side: 2, height: 11, width: 35, hasWindow: true, isHalf: true),
  ]

  package var testDescription: String {
    "\(batch)×\(channels)×\(height)×\(width) blocks of \(side)×\(side), \(mode)"
      + (hasWindow ? ", window" : "") + (isHalf ? ", float16" : "")
  }

  private var shape: Shape { [batch, channels, height * side, width * side] }

  package func graph() throws(GraphError) -> Graph {
    var generator = SeededGenerator(seed: UInt64(height * 1000 + width))
    var b = GraphBuilder()
    let x = b.input("x", TensorType(.float32, shape))
    let deep = channels * side * side
    func weight(_ shape: Shape) -> ValueID { b.constant(generator.tensor(shape)) }
    var skip = try b.value(Convolution.pointwise, [x, weight([channels, channels, 1, 1])])
    if isHalf { skip = try b.value(Cast(to: .float32), [try b.value(Cast(to: .float16), [skip])]) }
    let down = Convolution(stride: side)
    var middle = try b.value(down, [skip, weight([7, channels, side, side]), weight([7])])
    if hasWindow {
      let window = Convolution(padding: 1, groupCount: 7)
      middle = try b.value(window, [middle, weight([7, 1, 3, 3])])
    }
    let wide = try b.value(
      Convolution.pointwise, [try b.value(Unary(.tanh), [middle]), weight([deep, 7, 1, 1])])
    let up = try b.value(DepthToSpace(blockSize: side, mode: mode), [wide])
    let sum = try b.value(Binary(.add), [up, skip])
    b.output(try b.value(Convolution.pointwise, [sum, weight([2, channels, 1, 1])]), name: "y")
    return try b.finished()
  }

  package func input() -> Tensor {
    var generator = SeededGenerator(seed: 98)
    return generator.tensor(shape)
  }
}
