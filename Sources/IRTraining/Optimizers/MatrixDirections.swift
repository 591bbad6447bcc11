import IRCompiler
import IRGraph
import IROperators
import IRRuntime
import IRTensor

/// The directions that Muon moves matrices in, as a program of matrix products: the same bits for any number
/// of threads.
final class MatrixDirections {
  let muon: Muon
  /// The places of the matrices among the weights.
  let indices: [Int]
  private let session: Session

  /// Compiles the program for those of the weights of these types that Muon moves, without the `excluded`
  /// ones.
  /// - Returns: nil if there are none, or `muon` is nil.
  /// - Throws: `TrainingError.compiler`; `.runtime` if its arena exceeds the memory.
  init?(
    _ muon: Muon?, of types: [TensorType], excluding excluded: Set<Int> = [], runtime: RuntimeOptions
  ) throws(TrainingError) {
    guard let muon else { return nil }
    self.muon = muon
    indices = types.indices.filter { Muon.moves(types[$0]) && !excluded.contains($0) }
    if indices.isEmpty { return nil }
    let graph = Self.graph(types, indices)
    let program: Program
    do throws(CompilerError) { program = try Compiler(threadCount: runtime.threadCount).compile(graph) } catch
    { throw .compiler(error) }
    do throws(RuntimeError) { session = try Session(program, options: runtime) } catch {
      throw .runtime(error)
    }
  }

  /// The directions of matrices from their momenta, both by name.
  private static func graph(_ types: [TensorType], _ indices: [Int]) -> Graph {
    do throws(GraphError) {
      var builder = GraphBuilder()
      for index in indices {
        let momentum = builder.input(name(index), types[index])
        builder.output(try direction(of: momentum, into: &builder), name: name(index))
      }
      return try builder.finished()
    } catch { preconditionFailure("matrices of any size have directions: \(error)") }
  }

  /// The bytes of the program's arena.
  var arenaByteCount: Int { session.program.memoryPlan.peakByteCount }

  private static func name(_ index: Int) -> String { "\(index)" }

  /// Calls `body` with the addresses of the directions of `momenta`, both in the order of `indices`.
  /// - Throws: `TrainingError.runtime`.
  func withDirections(
    of momenta: [Tensor], _ body: ([UnsafePointer<Float>]) -> Void
  ) throws(TrainingError) {
    let inputs = Dictionary(uniqueKeysWithValues: zip(indices.map(Self.name), momenta))
    var none: Profile?
    do throws(RuntimeError) {
      try session.run(inputs, profile: &none) { outputs in
        body(outputs.map { $0.assumingMemoryBound(to: Float.self) })
      }
    } catch { throw .runtime(error) }
  }

  /// The polynomial a x + b x³ + c x⁵ (Jordan et al. 2024), which takes singular values of 0.003 to 1 to
  /// about 0.7 to 1.2 when it is applied five times.
  private static let (a, b, c) = (3.4445, -4.7750, 2.0315)
  private static let iterationCount = 5

  /// U Vᵀ of the momentum's singular value decomposition U S Vᵀ, nearly, times 0.2 √(its longer side).
  private static func direction(of momentum: ValueID, into g: inout GraphBuilder) throws(GraphError)
    -> ValueID
  {
    let shape = g.shape(of: momentum)
    let (rows, columns) = (shape[0], shape.dropFirst().reduce(1, *))
    // Products of the shorter side with itself are the smaller ones.
    let isTall = rows > columns
    var x = try g.reshaped(momentum, to: [rows, columns])
    let norm = try g.unary(.sqrt, try g.summed(try g.unary(.square, x), over: [0, 1]))
    // A matrix of zeros has none; its direction is 0.
    x = try g.quotient(x, try g.affine(norm, 1, 1e-15))
    for _ in 0..<iterationCount {
      let square = try g.value(MatrixMultiply(transposesA: isTall, transposesB: !isTall), [x, x])
      let fourth = try g.value(MatrixMultiply(), [square, square])
      let polynomial = try g.sum(try g.affine(square, b), try g.affine(fourth, c))
      let product = try g.value(MatrixMultiply(), isTall ? [x, polynomial] : [polynomial, x])
      x = try g.sum(try g.affine(x, a), product)
    }
    x = try g.affine(x, 0.2 * Double(max(rows, columns)).squareRoot())
    return try g.reshaped(x, to: shape)
  }
}
