import IRGraph
import IRONNX
import IRTensor

/// The sides that a network accepts.
package struct NetworkSides: Hashable, Sendable {
  /// The number that open sides are multiples of.
  package var multiple: Int
  /// The excess of the network's open sides over multiples, its padding included.
  package var remainder = 0
  /// The network's sides where they are fixed, padding included.
  var height: Int?
  var width: Int?
  /// Whether the file calls sides open that its nodes take at one size only.
  package var isBaked = false
}

/// Finds the sides that a file works for, and its outputs that are pictures, by importing it for some.
struct SizeSearch {
  let bound: BoundFile
  /// The output that the user named.
  let output: String?

  private var image: ImagePort { bound.ports.image }

  typealias Found = (sides: NetworkSides, outputs: [RestoredOutput], names: [String])

  private static let powers = [1, 2, 4, 8, 16, 32, 64, 128]
  private static let others = (3...96).filter { !powers.contains($0) && isSmooth($0) }
  /// NetworkSides for which networks are often exported.
  private static let usualSides = [
    64, 128, 256, 512, 224, 48, 96, 192, 320, 384, 640, 1024, 32, 240, 288, 448, 480,
  ]

  /// Whether a number has only the factors that windows and strides have.
  private static func isSmooth(_ number: Int) -> Bool {
    var rest = number
    for factor in [2, 3, 5, 7, 11, 13] { while rest % factor == 0 { rest /= factor } }
    return rest == 1
  }

  /// `known` is the multiple that was stated.
  /// - Throws: `NoPicture` if no output is one, `RestorerRefusal` if the named one does not exist,
  ///   `ONNXError` where the file cannot be imported.
  func found(multiple known: Int?) throws -> Found {
    if let height = image.height, let width = image.width {
      let outputs = try outputs(height: height, width: width)
      return (NetworkSides(multiple: 1, height: height, width: width), outputs.likeliest, outputs.all)
    }
    var first: (any Error)?
    func attempt(_ sides: NetworkSides, _ height: Int, _ width: Int) throws -> Found? {
      do {
        let outputs = try outputs(height: height, width: width)
        return (sides, outputs.likeliest, outputs.all)
      } catch let error as RestorerRefusal { throw error } catch {
        let text = "\(error)"
        defer { if first == nil { first = error } }
        // Trouble that other sides do not change lies elsewhere.
        if let first, "\(first)" == text { throw error }
        if let refusal = error as? NoPicture, !refusal.mayBeSize { throw refusal }
        return nil
      }
    }
    func attempt(multiple: Int, remainder: Int = 0) throws -> Found? {
      let factors = Self.trialFactors(multiple)
      func found(_ step: Int) throws -> Found? {
        try attempt(
          NetworkSides(multiple: multiple, remainder: remainder, height: image.height, width: image.width),
          image.height ?? multiple * (factors.0 + step) + remainder,
          image.width ?? multiple * (factors.1 + step) + remainder)
      }
      guard let result = try found(0) else { return nil }
      if known != nil { return result }
      // Odd multiples alone may fit a network that takes a border, or has windows that are not powers of two.
      let isPlain = multiple & (multiple - 1) == 0 && result.outputs.allSatisfy { $0.loss == 0 }
      return try multiple == 1 || isPlain || found(1) != nil ? result : nil
    }
    for multiple in known.map({ [$0] }) ?? Self.powers + Self.others {
      if let found = try attempt(multiple: multiple) { return found }
    }
    for multiple in known.map({ [$0] }) ?? [4, 8, 16] {
      for remainder in stride(from: 2, to: min(multiple, 64), by: 2) {
        if let found = try attempt(multiple: multiple, remainder: remainder) { return found }
      }
    }
    if known == nil, image.height == nil, image.width == nil {
      for side in bakedSides {
        let sides = NetworkSides(multiple: 1, height: side, width: side, isBaked: true)
        if let found = try attempt(sides, side, side) { return found }
      }
    }
    throw first ?? RestorerRefusal("no sides were found that it works for")
  }

  /// Two numbers without a common divisor, whose products with `multiple` are sides of some size.
  private static func trialFactors(_ multiple: Int) -> (Int, Int) {
    let primes = [3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 83, 89, 163, 167]
    guard multiple < 96, let index = primes.firstIndex(where: { $0 * multiple >= 160 }),
      index + 1 < primes.count
    else { return (1, 2) }
    return (primes[index], primes[index + 1])
  }

  /// NetworkSides that the file may have been exported for: those that it declares for outputs, those among
  /// its integers, and usual ones.
  private var bakedSides: [Int] {
    var counts: [Int: Int] = [:]
    for info in bound.file.graph.outputs + bound.file.graph.valueInfos {
      guard case .tensor(_, let dimensions?) = info.type else { continue }
      for extent in dimensions.compactMap(\.fixedExtent) { counts[Int(clamping: extent), default: 0] += 1 }
    }
    let constants = bound.file.graph.nodes.compactMap { node -> ONNXTensor? in
      guard node.opType == "Constant", case .tensor(let tensor)? = node[attribute: "value"] else {
        return nil
      }
      return tensor
    }
    for tensor in bound.file.graph.initializers + constants {
      guard tensor.dataType == ElementType.int64.rawValue, tensor.dims.count == 1, tensor.dims[0] <= 8,
        let values = try? tensor.tensor().integers
      else { continue }
      for value in values { counts[Int(clamping: value), default: 0] += 1 }
    }
    let hinted = counts.filter { (16...2048).contains($0.key) }
      .sorted { ($1.value, $0.key) < ($0.value, $1.key) }.prefix(12).map(\.key)
    return hinted + Self.usualSides.filter { !hinted.contains($0) }
  }

  /// The outputs that may be the restored picture, at the network's sides.
  private func outputs(height: Int, width: Int) throws -> (likeliest: [RestoredOutput], all: [String]) {
    let graph = try bound.graph(height: height, width: width)
    return try OutputChoice(graph: graph, ports: bound.ports, height: height, width: width)
      .outputs(named: output)
  }
}

/// Why no output is a picture, and whether that may lie at the sides that were tried.
struct NoPicture: Error, CustomStringConvertible {
  var refusal: RestorerRefusal
  var mayBeSize: Bool

  var description: String { refusal.description }
}
