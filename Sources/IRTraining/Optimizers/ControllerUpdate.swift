/// DaAIR's controllers (§3.2): experts of the decoder that take no gradient, but follow the agnostic experts
/// of the encoder's blocks of the same level and place.
package struct ControllerUpdate: Hashable, Sendable {
  package var decay: Double
  package var pairs: [Pair]

  /// A parameter, and the one that it follows.
  package struct Pair: Hashable, Sendable {
    package var follower: String
    package var leader: String
  }

  package init(parameters: [String], decay: Double = 0.999) {
    self.decay = decay
    let known = Set(parameters)
    pairs = parameters.compactMap { name in
      guard let leader = Self.leader(of: name), known.contains(leader) else { return nil }
      return Pair(follower: name, leader: leader)
    }
  }

  /// `dec.<m>.2.layers.<j>.dale.controller.<rest>` follows `enc.<l>.0.layers.<j>.dale.agnostic.<rest>`, where
  /// decoder stage m works at the level l of encoder stage 2 - m.
  static func leader(of name: String) -> String? {
    let parts = name.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
    guard parts.count > 7, parts[0] == "dec", let stage = Int(parts[1]), parts[2] == "2",
      parts[3] == "layers", parts[5] == "dale", parts[6] == "controller", (0...2).contains(stage)
    else { return nil }
    return (["enc", "\(2 - stage)", "0", "layers", parts[4], "dale", "agnostic"] + parts[7...])
      .joined(separator: ".")
  }
}
