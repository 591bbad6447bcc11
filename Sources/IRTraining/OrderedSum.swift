import IRCompiler
import IRRuntime
import IRTensor
import Synchronization

/// Adds up what the images of a batch give, in an order that depends on nothing but their number: even and
/// odd images each for themselves, one after the other, then the two sums. Threads that take turns at images
/// then seldom wait for each other.
final class OrderedSum: Sendable {
  /// The sum of every second image.
  private struct State {
    /// The image whose turn it is.
    var next: Int
    var isEmpty = true
    var loss = 0.0
    /// In the order of the parameters; of an earlier step as long as it is empty.
    var gradients: [Tensor]
    /// Copies of what images give whose turn has not come; nil of an image that failed.
    var early: [Int: [Tensor]?] = [:]
  }

  private final class Half: Sendable {
    let state: Mutex<State>
    init(_ state: State) { self.state = Mutex(state) }
  }

  /// Results that are not added up, by image.
  private struct Others {
    var logits: [Int: [Tensor]] = [:]
    var errors: [Int: RuntimeError] = [:]
  }

  private let halves: [Half]
  private let others = Mutex(Others())
  /// Of the program, by name of the output: its place and its type.
  private let loss: Int
  private let gradients: [Int]
  private let logits: [Int]
  private let types: [TensorType]

  /// The sum of what runs of `program` give for `count` images.
  init(_ training: ImageGradients, count: Int, _ program: Program) {
    let places = Dictionary(uniqueKeysWithValues: program.outputs.enumerated().map { ($1.name, $0) })
    func place(_ name: String) -> Int {
      guard let place = places[name] else { preconditionFailure("the program computes \(name)") }
      return place
    }
    loss = place(TrainingGraph.lossName)
    gradients = training.parameters.map { place(TrainingGraph.gradientName($0)) }
    logits = (0..<training.routerCount).map { place(TrainingGraph.logitsName($0)) }
    types = program.outputs.map(\.type)
    let zeros = training.parameters.map { name in
      Tensor(zeros: program.outputs[place(TrainingGraph.gradientName(name))].type)
    }
    // Memory of its own for each half; a batch of one image has no odd one.
    halves = (0..<min(count, 2)).map { index in
      Half(State(next: index, gradients: zeros.map { Tensor(copyOf: $0) }))
    }
  }

  /// Forgets the images of the last batch.
  func start() {
    for (index, half) in halves.enumerated() {
      half.state.withLock { state in
        (state.next, state.isEmpty, state.loss, state.early) = (index, true, 0, [:])
      }
    }
    others.withLock { $0 = Others() }
  }

  /// Adds what an image gives: the outputs of its run, in the program's order.
  func add(_ outputs: [UnsafeRawPointer], of image: Int) {
    if !logits.isEmpty {
      let own = logits.map { copy(outputs[$0], $0) }
      others.withLock { $0.logits[image] = own }
    }
    halves[image % 2].state.withLock { state in
      guard image == state.next else {
        state.early[image] = .some(([loss] + gradients).map { copy(outputs[$0], $0) })
        return
      }
      add(([loss] + gradients).map { outputs[$0] }, to: &state)
      goOn(&state)
    }
  }

  /// Leaves an image out, whose run failed.
  func fail(_ error: RuntimeError, of image: Int) {
    others.withLock { $0.errors[image] = error }
    halves[image % 2].state.withLock { state in
      guard image == state.next else {
        state.early[image] = .some(nil)
        return
      }
      goOn(&state)
    }
  }

  /// The next image's turn has come, and that of those behind it that are there already.
  private func goOn(_ state: inout State) {
    state.next += 2
    while let early = state.early.removeValue(forKey: state.next) {
      if let early {
        add(early.map { UnsafeRawPointer($0.storage.pointer) }, to: &state)
        withExtendedLifetime(early) {}
      }
      state.next += 2
    }
  }

  /// `values` are the loss, then the gradients.
  private func add(_ values: [UnsafeRawPointer], to state: inout State) {
    state.loss += Double(values[0].assumingMemoryBound(to: Float.self).pointee)
    for index in gradients.indices {
      let source = values[index + 1].assumingMemoryBound(to: Float.self)
      let isEmpty = state.isEmpty
      state.gradients[index].withFloats { sums in
        guard let target = sums.baseAddress else { return }
        if isEmpty {
          target.update(from: source, count: sums.count)
        } else {
          for i in 0..<sums.count { target[i] += source[i] }
        }
      }
    }
    state.isEmpty = false
  }

  private func copy(_ source: UnsafeRawPointer, _ output: Int) -> Tensor {
    Tensor(types[output]) { bytes in
      bytes.copyMemory(from: UnsafeRawBufferPointer(start: source, count: bytes.count))
    }
  }

  /// The mean of `count` images.
  /// - Throws: `TrainingError.runtime`, the error of the first image that has one.
  func mean(count: Int, threadCount: Int) throws(TrainingError) -> BatchGradients.Result {
    let (logits, errors) = others.withLock { ($0.logits, $0.errors) }
    if let first = errors.keys.min(), let error = errors[first] { throw .runtime(error) }
    var odd: (loss: Double, gradients: [Tensor])?
    if count > 1 { odd = halves[1].state.withLock { ($0.loss, $0.gradients) } }
    return halves[0].state.withLock { state in
      let squares = scale(&state.gradients, adding: odd?.gradients, by: 1 / Float(count), threadCount)
      return BatchGradients.Result(
        loss: (state.loss + (odd?.loss ?? 0)) / Double(count), gradients: state.gradients, squares: squares,
        logits: (0..<count).map { logits[$0] ?? [] })
    }
  }

  /// Makes `sums` (sums + addends) · share, and gives the sum of the squares of each.
  private func scale(
    _ sums: inout [Tensor], adding addends: [Tensor]?, by share: Float, _ threadCount: Int
  ) -> [Double] {
    let pieces = TensorPiece.all(of: sums.map(\.elementCount))
    let targets = sums.indices.map { sums[$0].withFloats { $0.baseAddress } }
    let sources = addends.map { $0.map { $0.withElements(as: Float.self) { $0.baseAddress } } }
    var squares = [Double](repeating: 0, count: pieces.count)
    squares.withUnsafeMutableBufferPointer { squares in
      parallelFor(pieces.count, threadCount: threadCount) { index, _ in
        let piece = pieces[index]
        guard let target = targets[piece.tensor] else { return }
        let (start, count) = (target + piece.range.lowerBound, piece.range.count)
        if let source = sources?[piece.tensor] {
          let addend = source + piece.range.lowerBound
          for i in 0..<count { start[i] = (start[i] + addend[i]) * share }
        } else {
          for i in 0..<count { start[i] *= share }
        }
        squares[index] = sumOfSquares(UnsafeBufferPointer(start: start, count: count))
      }
    }
    withExtendedLifetime(addends) {}
    var result = [Double](repeating: 0, count: sums.count)
    for (piece, square) in zip(pieces, squares) { result[piece.tensor] += square }
    return result
  }

  private func sumOfSquares(_ values: UnsafeBufferPointer<Float>) -> Double {
    var sums = (0.0, 0.0, 0.0, 0.0)
    var i = 0
    while i + 4 <= values.count {
      sums.0 += Double(values[i]) * Double(values[i])
      sums.1 += Double(values[i + 1]) * Double(values[i + 1])
      sums.2 += Double(values[i + 2]) * Double(values[i + 2])
      sums.3 += Double(values[i + 3]) * Double(values[i + 3])
      i += 4
    }
    var sum = (sums.0 + sums.1) + (sums.2 + sums.3)
    while i < values.count {
      sum += Double(values[i]) * Double(values[i])
      i += 1
    }
    return sum
  }
}

/// Elements of one of several tensors: a task of a thread.
struct TensorPiece {
  var tensor: Int
  var range: Range<Int>

  /// Elements of a piece: what a core's cache holds of all that belongs to a weight.
  private static let elementCount = 16384

  /// The pieces of tensors of so many elements, in order.
  static func all(of counts: [Int]) -> [TensorPiece] {
    counts.enumerated().flatMap { tensor, count in
      stride(from: 0, to: count, by: elementCount).map { start in
        TensorPiece(tensor: tensor, range: start..<min(start + elementCount, count))
      }
    }
  }
}
