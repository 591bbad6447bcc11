import CIROperators
import IRTestSupport
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
}

/// How many of the first `count` numbers are not what they were after the way to float16 and back.
private func mismatches(_ input: [Float], count: Int, threads: Int32) -> Int {
  var halves = [UInt16](repeating: 0xFFFF, count: count)
  var output = [Float](repeating: -1, count: count)
  ir_convert_f32_to_f16(count, input, &halves, threads)
  ir_convert_f16_to_f32(count, halves, &output, threads)
  return zip(input, output).count { $0 != $1 }
}

private func withTeam(_ threads: Int32, _ body: () -> Void) {
  withoutActuallyEscaping(body) { body in
    withUnsafePointer(to: body) { pointer in
      ir_with_threads(
        threads, { context in context?.assumingMemoryBound(to: (() -> Void).self).pointee() },
        UnsafeMutableRawPointer(mutating: pointer))
    }
  }
}
