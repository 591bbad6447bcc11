import IRTensor

/// One of the predictions that are composed: a task's prompt, and what the model is shown of the picture.
///
/// The paper has six components; which two stand beside its four tasks follows from its count of candidates.
package enum Component: String, Hashable, Sendable, CaseIterable, Codable {
  case superResolution = "sr"
  case motionDeblurring = "md"
  case defocusDeblurring = "dd"
  case denoising = "dn"
  /// Super-resolution of the picture shrunk by 2 and enlarged again: more detail is invented.
  case halved = "d2"
  /// Super-resolution of the picture shrunk by 4 and enlarged again.
  case quartered = "d4"
  /// The picture without a text.
  case textless = "notext"
  /// The task of super-resolution without the picture.
  case pictureless = "nopicture"

  /// The paper's, in the order of weight vectors.
  package static let six: [Component] = [
    .superResolution, .motionDeblurring, .defocusDeblurring, .denoising, .halved, .quartered,
  ]

  /// The picture's form that the model is shown.
  package enum Condition: Hashable, Sendable {
    /// The picture, shrunk by a factor and enlarged again.
    case picture(factor: Int)
    /// Zeros.
    case none
  }

  package var condition: Condition {
    switch self {
    case .halved: .picture(factor: 2)
    case .quartered: .picture(factor: 4)
    case .pictureless: .none
    default: .picture(factor: 1)
    }
  }

  /// The number of the prompt, in the order of the tasks with the empty text last.
  package var prompt: Int {
    switch self {
    case .superResolution, .halved, .quartered, .pictureless: 0
    case .motionDeblurring: 1
    case .defocusDeblurring: 2
    case .denoising: 3
    case .textless: 4
    }
  }

  /// The UNet's input: latents `[1, C, h, w]`, followed by the condition's `[1, D, h, w]`, or by zeros for
  /// `Condition.none`: `[1, C + D, h, w]`.
  /// - Throws: `DiffusionError.sizes` if their sizes differ.
  package static func sample(_ latents: Tensor, _ condition: Tensor) throws(DiffusionError) -> Tensor {
    let (z, shape) = (latents.shape, condition.shape)
    guard z.rank == 4, shape.rank == 4, z[0] == 1, shape[0] == 1, z[2] == shape[2], z[3] == shape[3],
      latents.elementType == .float32, condition.elementType == .float32
    else { throw .sizes("latents of \(latents.type) with a condition of \(condition.type)") }
    return Tensor(latents.floats + condition.floats, shape: [1, z[1] + shape[1], z[2], z[3]])
  }
}
