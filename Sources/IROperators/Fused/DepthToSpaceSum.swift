import IRGraph
import IRTensor

/// A picture plus blocks of channels moved into space; made by the compiler only.
///
/// Inputs `[N, C b², H, W]` and the picture `[N, C, H b, W b]`, of one floating-point type.
public struct DepthToSpaceSum: Operator {
  public var depthToSpace: DepthToSpace
  public static let name = "DepthToSpaceSum"

  public init(_ depthToSpace: DepthToSpace) { self.depthToSpace = depthToSpace }

  public func outputTypes(for inputs: [TensorType]) throws(TypeError) -> [TensorType] {
    try requireCount(inputs, 2...2, Self.name)
    try requireSameElementType(inputs, Self.name)
    guard inputs[0].elementType.isFloatingPoint else {
      throw TypeError("DepthToSpaceSum.floatingPoint", "pictures of \(inputs[0].elementType)")
    }
    let types = try depthToSpace.outputTypes(for: [inputs[0]])
    guard inputs[1] == types[0] else {
      throw TypeError("DepthToSpaceSum.picture", "the picture is \(inputs[1]), must be \(types[0])")
    }
    return types
  }

  public func evaluate(_ inputs: [Tensor]) -> [Tensor] {
    Binary(.add).evaluate([depthToSpace.evaluate([inputs[0]])[0], inputs[1]])
  }
}
