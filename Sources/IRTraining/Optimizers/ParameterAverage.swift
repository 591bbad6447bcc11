/// An exponential moving average of weights (Polyak and Juditsky 1992; as EMA everywhere).
package struct ParameterAverage: Hashable, Sendable, Codable {
  /// The share of the old average that stays; 0.999 remembers about a thousand steps.
  package var decay: Double

  package init(decay: Double) { self.decay = decay }

  /// The share that stays at a step counted from 1: less at the beginning, so that the first weights, which
  /// are far from the last, are soon forgotten.
  package func decay(at step: Int) -> Double { min(decay, Double(step) / Double(step + 9)) }

  static func update(
    _ average: UnsafeMutableBufferPointer<Float>, with values: UnsafeBufferPointer<Float>, decay: Double
  ) {
    let share = Float(1 - decay)
    for i in 0..<average.count { average[i] += share * (values[i] - average[i]) }
  }
}

/// DaAIR's controllers (§3.2): experts of the decoder that take no gradient, but follow the agnostic experts
/// of the encoder's blocks of the same level and place.
package struct ControllerUpdate: Hashable, Sendable {
  package var decay: Double
  /// The parameter that follows, and the one that it follows.
  package var pairs: [(follower: String, leader: String)]

  package init(parameters: [String], decay: Double = 0.999) {
    self.decay = decay
    let known = Set(parameters)
    pairs = parameters.compactMap { name in
      guard let leader = Self.leader(of: name), known.contains(leader) else { return nil }
      return (name, leader)
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

  package static func == (a: ControllerUpdate, b: ControllerUpdate) -> Bool {
    a.decay == b.decay && a.pairs.elementsEqual(b.pairs) { $0 == $1 }
  }

  package func hash(into hasher: inout Hasher) {
    hasher.combine(decay)
    for pair in pairs {
      hasher.combine(pair.follower)
      hasher.combine(pair.leader)
    }
  }
}
