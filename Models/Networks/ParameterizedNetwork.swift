import IRTensor

/// Something whose parameters have official names, so that files of weights can be matched to it.
package protocol ParameterizedNetwork: Sendable {
  /// The parameters in the order of use, those that are never read included.
  func parameters() throws(ModelError) -> [Parameter]
  /// Prefixes of parameter names that files of one part leave out (`clip_model.`).
  var optionalPrefixes: [String] { get }
  /// Whether a name in a weights file is known and of no use.
  func ignores(weight name: String) -> Bool
}

extension ParameterizedNetwork {
  package var optionalPrefixes: [String] { [] }
  package func ignores(weight name: String) -> Bool { false }
}
