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
    arena = TensorStorage(borrowing: start, byteCount: byteCount) { munmap($0, byteCount) }
    let read = program.readConstants
    constants = program.constants.enumerated().map { index, tensor in
      UnsafeRawPointer((read.contains(index) ? tensor : tensor.halves ?? tensor).storage.pointer)
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
    var given: [Tensor] = []
    for port in program.inputs {
      guard let tensor = inputs[port.name] else { throw .missingInput(name: port.name) }
      guard tensor.type == port.type else {
        throw .inputType(name: port.name, found: tensor.type, expected: port.type)
      }
      given.append(tensor)
    }
    let clock = ContinuousClock()
    var isCancelled = false
    withThreads(options.threadCount) {
      for (index, step) in program.steps.enumerated() {
        let count = program.steps.count
        guard options.monitor?(index, count) ?? true, monitor?(index, count) ?? true else {
          isCancelled = true
          return
        }
        let start = clock.now
        step.kernel.run(
          KernelArguments(
            inputs: step.inputs.map { pointer($0, given) },
            outputs: step.outputs.map { UnsafeMutableRawPointer(mutating: pointer($0, given)) },
            workspace: step.workspaceOffset.map { arena.pointer + $0 }, threadCount: options.threadCount))
        profile?.add(start.duration(to: clock.now).inSeconds, step: index)
      }
    }
    guard !isCancelled else { throw .cancelled }
    var results: [String: Tensor] = [:]
    for port in program.outputs {
      let source = pointer(port.location, given)
      results[port.name] = Tensor(port.type) { bytes in
        bytes.copyMemory(from: UnsafeRawBufferPointer(start: source, count: port.type.byteCount))
      }
    }
    withExtendedLifetime(given) {}
    return results
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
