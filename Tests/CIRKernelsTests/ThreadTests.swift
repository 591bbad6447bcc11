import CIROperators
import Glibc
import IRTestSupport
import Synchronization
import Testing

extension KernelTests {
  /// Loops of all lengths that share the threads of one team, and of several teams at the same time.
  @Test func threadsThatStayBetweenLoops() async {
    let input = (0..<200_000).map { Float($0 % 2048) }
    await withTaskGroup(of: Int.self) { group in
      for team in 1...4 {
        group.addTask {
          var wrong = 0
          withUnsafeMutablePointer(to: &wrong) { wrong in
            withTeam(Int32(team)) {
              for round in 0..<200 {
                let count = [1, 17, 4_000, 60_000, 200_000][round % 5]
                wrong.pointee += mismatches(input, count: count, threads: Int32(round % 7 + 1))
              }
              withTeam(3) { wrong.pointee += mismatches(input, count: 100_000, threads: 3) }
            }
            // Outside, each loop starts its own.
            wrong.pointee += mismatches(input, count: 100_000, threads: Int32(team))
          }
          return wrong
        }
      }
      for await wrong in group { #expect(wrong == 0) }
    }
  }

  /// All threads end once the leader is told to, loops that follow do nothing, and the next team works.
  @Test(arguments: [1, 3] as [Int32]) func threadsEndWhereWorkIsNotToGoOn(_ threads: Int32) {
    var questions = 0
    let count = 100_000
    func done(_ count: Int) -> Int {
      let done = Atomic(0)
      withUnsafePointer(to: done) { pointer in
        ir_parallel_for(
          count, threads,
          { context, _, _ in
            usleep(500)
            context?.assumingMemoryBound(to: Atomic<Int>.self).pointee.add(1, ordering: .relaxed)
          }, pointer)
      }
      return done.load(ordering: .relaxed)
    }
    var (first, second, nested) = (0, 0, 0)
    withTeam(
      threads,
      goesOn: {
        questions += 1
        return questions < 3
      }
    ) {
      first = done(count)
      second = done(10)
      withTeam(threads, goesOn: { true }) { nested = done(10) }
    }
    #expect(questions == 3 && first < count && second == 0 && nested == 0)
    withTeam(threads) { first = done(10) }
    #expect(first == 10)
  }
}

/// How many of the first `count` numbers are not what they were after the way to float16 and back.
private func mismatches(_ input: [Float], count: Int, threads: Int32) -> Int {
  var halves = [UInt16](repeating: 0xFFFF, count: count)
  var output = [Float](repeating: -1, count: count)
  ir_convert_f32_to_f16(count, input, &halves, threads)
  ir_convert_f16_to_f32(count, halves, &output, threads)
  return zip(input, output).count { $0 != $1 }
}

private struct Calls {
  var body: () -> Void
  var goesOn: (() -> Bool)?
}

private func withTeam(_ threads: Int32, goesOn: (() -> Bool)? = nil, _ body: () -> Void) {
  withoutActuallyEscaping(body) { body in
    var calls = Calls(body: body, goesOn: goesOn)
    let ask: (@convention(c) (UnsafeMutableRawPointer?) -> Bool)? =
      goesOn == nil ? nil : { $0?.assumingMemoryBound(to: Calls.self).pointee.goesOn?() ?? true }
    withUnsafeMutablePointer(to: &calls) { pointer in
      ir_with_threads(threads, { $0?.assumingMemoryBound(to: Calls.self).pointee.body() }, ask, pointer)
    }
  }
}
