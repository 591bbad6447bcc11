import Glibc
import IRCompiler
import IRTensor

/// A program with its memory, ready to run any number of times; not for several threads at once.
package final class Session {
  package let program: Program
  package let options: RuntimeOptions
  private let arena: TensorStorage
  /// The address of each constant; one that no step reads has no values there.
  private let constants: [UnsafeRawPointer]
  private let operands: [StepOperands]

  /// The addresses of a step's operands.
  private struct StepOperands {
    var inputs: [UnsafeRawPointer]
    var outputs: [UnsafeMutableRawPointer]
    /// The places in `inputs` of the program's inputs, which each run has of its own.
    var given: [(place: Int, input: Int, byteOffset: Int)] = []

    func inputs(_ tensors: [Tensor]) -> [UnsafeRawPointer] {
      guard !given.isEmpty else { return inputs }
      var all = inputs
      for (place, input, byteOffset) in given {
        all[place] = UnsafeRawPointer(tensors[input].storage.pointer + byteOffset)
      }
      return all
    }
  }

  /// - Throws: `RuntimeError.exceedsMemory` if the plan is larger than the options allow, `.outOfMemory`
  ///   where the system does not give the arena.
  package init(_ program: Program, options: RuntimeOptions = RuntimeOptions()) throws(RuntimeError) {
    self.program = program
    // More threads than were planned for would write past the workspaces.
    var own = options
    own.threadCount = min(options.threadCount, program.threadCount)
    self.options = own
    let byteCount = max(program.memoryPlan.peakByteCount, 1)
    let limit = options.memoryLimit
    guard program.byteCount <= limit else {
      throw .exceedsMemory(byteCount: program.byteCount, limit: limit)
    }
    // Mapped, so that a plan that is too large is an error and untouched pages cost nothing.
    let start = mmap(nil, byteCount, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    guard let start, start != MAP_FAILED else { throw .outOfMemory(byteCount: byteCount) }
    // Large pages where the system has them: a first run is then not a fault for every 4 KiB.
    madvise(start, byteCount, MADV_HUGEPAGE)
    let arena = TensorStorage(borrowing: start, byteCount: byteCount) { munmap($0, byteCount) }
    self.arena = arena
    let read = program.readConstants
    let constants = program.constants.enumerated().map { index, tensor in
      UnsafeRawPointer((read.contains(index) ? tensor : tensor.halves ?? tensor).storage.pointer)
    }
    self.constants = constants
    operands = program.steps.map { step in
      var own = StepOperands(
        inputs: [],
        outputs: step.outputs.map {
          guard case .arena(let offset) = $0 else { preconditionFailure("a step writes into the arena") }
          return arena.pointer + offset
        })
      for (place, location) in step.inputs.enumerated() {
        switch location {
        case .arena(let offset): own.inputs.append(UnsafeRawPointer(arena.pointer + offset))
        case .constant(let index, let offset): own.inputs.append(constants[index] + offset)
        case .input(let input, let offset):
          own.inputs.append(UnsafeRawPointer(arena.pointer))
          own.given.append((place, input, offset))
        }
      }
      return own
    }
  }

  /// Computes the outputs, by name.
  ///
  /// `profile` collects the seconds of each step; `monitor` is asked as that of the options, and beside it.
  /// - Throws: `RuntimeError` if an input is missing or has another type, and if a monitor ends the
  ///   run; the session can run again.
  package func run(
    _ inputs: [String: Tensor], profile: inout Profile?,
    monitor: ((_ done: Int, _ count: Int) -> Bool)? = nil
  ) throws(RuntimeError) -> [String: Tensor] {
    var results: [String: Tensor] = [:]
    try run(inputs, profile: &profile, monitor: monitor) { outputs in
      for (port, source) in zip(program.outputs, outputs) {
        results[port.name] = Tensor(port.type) { bytes in
          bytes.copyMemory(from: UnsafeRawBufferPointer(start: source, count: port.type.byteCount))
        }
      }
    }
    return results
  }

  /// Computes the outputs and calls `body` with their addresses, in the program's order; they hold until the
  /// session runs again, as long as it and the inputs are there.
  ///
  /// `packed` are those of the inputs that were packed before: of this program, and of inputs with the same
  /// values. `profile` and `monitor` as above.
  /// - Throws: as above.
  package func run(
    _ inputs: [String: Tensor], packed: PackedInputs? = nil, profile: inout Profile?,
    monitor: ((_ done: Int, _ count: Int) -> Bool)? = nil, _ body: ([UnsafeRawPointer]) -> Void
  ) throws(RuntimeError) {
    var given: [Tensor] = []
    for port in program.inputs {
      guard let tensor = inputs[port.name] else { throw .missingInput(name: port.name) }
      guard tensor.type == port.type else {
        throw .inputType(name: port.name, found: tensor.type, expected: port.type)
      }
      given.append(tensor)
    }
    let clock = ContinuousClock()
    let count = program.steps.count
    var (done, isCancelled) = (0, false)
    func goesOn() -> Bool {
      isCancelled =
        isCancelled || !(options.monitor?(done, count) ?? true) || !(monitor?(done, count) ?? true)
      return !isCancelled
    }
    let isWatched = options.monitor != nil || monitor != nil
    withThreads(options.threadCount, goesOn: isWatched ? goesOn : nil) {
      for (index, step) in program.steps.enumerated() {
        done = index
        guard goesOn() else { return }
        let start = clock.now
        step.kernel.run(
          KernelArguments(
            inputs: operands[index].inputs(given), outputs: operands[index].outputs,
            workspace: step.workspaceOffset.map { arena.pointer + $0 },
            packed: packed?.pointers[index] ?? [], threadCount: options.threadCount))
        guard !isCancelled else { return }
        profile?.add(start.duration(to: clock.now).inSeconds, step: index)
      }
    }
    guard !isCancelled else { throw .cancelled }
    body(program.outputs.map { pointer($0.location, given) })
    withExtendedLifetime(given) {}
  }

  /// As above, without a profile.
  package func run(_ inputs: [String: Tensor]) throws(RuntimeError) -> [String: Tensor] {
    var none: Profile?
    return try run(inputs, profile: &none)
  }

  private func pointer(_ location: Program.Location, _ inputs: [Tensor]) -> UnsafeRawPointer {
    switch location {
    case .arena(let offset): UnsafeRawPointer(arena.pointer + offset)
    case .constant(let index, let offset): constants[index] + offset
    case .input(let index, let offset): UnsafeRawPointer(inputs[index].storage.pointer + offset)
    }
  }
}

/// Seconds spent in each step of a program, over runs.
package struct Profile: Sendable {
  /// The sum of all runs.
  package private(set) var seconds: [Double] = []
  /// The fastest run of each step: what it takes when nothing else disturbs it.
  package private(set) var fastest: [Double] = []

  package init() {}

  mutating func add(_ time: Double, step: Int) {
    while seconds.count <= step {
      seconds.append(0)
      fastest.append(.infinity)
    }
    seconds[step] += time
    fastest[step] = min(fastest[step], time)
  }

  /// Adds the runs of another profile of the same program.
  package mutating func add(_ other: Profile) {
    for (step, (time, least)) in zip(other.seconds, other.fastest).enumerated() {
      add(time, step: step)
      fastest[step] = min(fastest[step], least)
    }
  }
}
