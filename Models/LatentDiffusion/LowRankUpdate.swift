import IRTensor

/// Small changes of weights as LoRA files hold them (Hu et al., 2022): W + strength · α / r · up · down.
///
/// Names are diffusers' (`unet.….to_q.lora_A.weight`, `….lora.down.weight`,
/// `….processor.to_q_lora.down.weight`) or kohya's (`lora_unet_…_to_q.lora_down.weight`).
package struct LowRankUpdate: Sendable {
  private struct Pair {
    var down: Tensor?
    var up: Tensor?
    var alpha: Double?
  }

  /// By the changed module's name, as the file spells it.
  private var pairs: [String: Pair] = [:]
  /// Modules that a merge found.
  private var merged: Set<String> = []

  private static let downEndings = [
    ".lora_A.weight", ".lora_down.weight", ".lora.down.weight", "_lora.down.weight",
  ]
  private static let upEndings = [
    ".lora_B.weight", ".lora_up.weight", ".lora.up.weight", "_lora.up.weight",
  ]

  /// - Throws: `ModelError.configuration` for a tensor of another name, or a matrix without the other.
  package init(_ file: [NamedWeight]) throws(ModelError) {
    for (name, tensor) in file {
      if name.hasSuffix(".alpha"), tensor.elementCount == 1 {
        pairs[Self.module(name.dropLast(".alpha".count)), default: Pair()].alpha = tensor.doubles[0]
        continue
      }
      if let ending = Self.downEndings.first(where: name.hasSuffix) {
        pairs[Self.module(name.dropLast(ending.count)), default: Pair()].down = tensor
      } else if let ending = Self.upEndings.first(where: name.hasSuffix) {
        pairs[Self.module(name.dropLast(ending.count)), default: Pair()].up = tensor
      } else {
        let known = (Self.downEndings + Self.upEndings).joined(separator: ", ")
        throw .configuration("\(name) does not belong to a low-rank update: names end in \(known)")
      }
    }
    for (name, pair) in pairs.sorted(by: { $0.key < $1.key }) {
      guard let down = pair.down, let up = pair.up else {
        throw .configuration("the low-rank update of \(name) has only one of its two matrices")
      }
      guard down.shape.rank >= 2, up.shape.rank >= 2, up.shape[1] == down.shape[0], down.shape[0] > 0,
        up.shape.dropFirst(2).allSatisfy({ $0 == 1 }), pair.alpha.map(\.isFinite) ?? true
      else {
        throw .configuration("the low-rank update of \(name) multiplies \(up.shape) with \(down.shape)")
      }
    }
  }

  /// Once, diffusers put these modules into a processor of the attention; `to_out` is the first of a list.
  private static func module(_ name: Substring) -> String {
    let plain = name.split(separator: ".").filter { $0 != "processor" }.joined(separator: ".")
    return plain.hasSuffix(".to_out") ? plain + ".0" : plain
  }

  /// Adds the changes to the weights of one part, whose name in the file is one of `prefixes` (`unet`,
  /// `lora_unet`).
  /// - Throws: `ModelError.configuration` if a change has another size than its weight.
  package mutating func merge(
    into weights: inout [String: Tensor], prefixes: [String], strength: Double
  ) throws(ModelError) {
    // kohya's names have lost their dots.
    let flat = Dictionary(
      weights.keys.map { ($0.split(separator: ".").joined(separator: "_"), $0) },
      uniquingKeysWith: { a, _ in a })
    for (name, pair) in pairs.sorted(by: { $0.key < $1.key }) {
      for prefix in prefixes where name.hasPrefix(prefix) {
        let own = name.dropFirst(prefix.count).drop { $0 == "." || $0 == "_" }
        guard let target = weights["\(own).weight"].map({ _ in "\(own).weight" }) ?? flat["\(own)_weight"],
          let weight = weights[target], let down = pair.down, let up = pair.up
        else { continue }
        guard up.shape[0] == weight.shape[0],
          weight.elementCount == up.shape[0] * (down.elementCount / down.shape[0])
        else {
          throw .configuration(
            "the low-rank update of \(target) is \(up.shape) · \(down.shape), the weight is \(weight.shape)")
        }
        let factor = strength * (pair.alpha ?? Double(down.shape[0])) / Double(down.shape[0])
        weights[target] = Self.sum(weight, up, down, Float(factor))
        merged.insert(name)
        break
      }
    }
  }

  /// Modules that no part has.
  package var unused: [String] { pairs.keys.filter { !merged.contains($0) }.sorted() }
  /// How many modules were changed.
  package var mergedCount: Int { merged.count }

  /// W + factor · up · down.
  private static func sum(_ weight: Tensor, _ up: Tensor, _ down: Tensor, _ factor: Float) -> Tensor {
    let (rows, rank) = (up.shape[0], down.shape[0])
    let columns = down.elementCount / rank
    let (a, b) = (up.converted(to: .float32), down.converted(to: .float32))
    var result = weight.converted(to: .float32)
    result.withUnsafeMutableBytes { bytes in
      let values = bytes.bindMemory(to: Float.self)
      a.withElements(as: Float.self) { a in
        b.withElements(as: Float.self) { b in
          for row in 0..<rows {
            for k in 0..<rank {
              let scale = factor * a[row * rank + k]
              for column in 0..<columns { values[row * columns + column] += scale * b[k * columns + column] }
            }
          }
        }
      }
    }
    return result
  }
}
