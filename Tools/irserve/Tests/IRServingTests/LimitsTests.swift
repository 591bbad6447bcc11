import Foundation
import IRRequests
import IRServing
import Synchronization
import Testing

private func control(_ seconds: Double = 30) -> Control {
  Control(deadline: .now.advanced(by: .seconds(seconds)))
}

private final class Owner: Sendable {}

/// How much is inside, and how much was at most.
private final class Tally: Sendable {
  private let state = Mutex([0, 0])

  var most: Int { state.withLock { $0[1] } }

  func add(_ amount: Int) {
    state.withLock { state in
      state[0] += amount
      state[1] = max(state[0], state[1])
    }
  }
}

@Suite struct LimitsTests {
  /// However many ask, and for whatever, the sum of what is promised stays within the limit, and all come to
  /// their turn.
  @Test func promisesStayWithinTheLimit() async throws {
    let ledger = MemoryLedger(limit: 1000)
    let tally = Tally()
    try await withThrowingTaskGroup(of: Void.self) { group in
      for index in 0..<40 {
        group.addTask {
          try await withCheckedThrowingContinuation { (done: CheckedContinuation<Void, any Error>) in
            Thread {
              done.resume(
                with: Result {
                  let byteCount = 50 + index * 37 % 900
                  let promise = try ledger.promise(byteCount, control())
                  tally.add(byteCount)
                  Thread.sleep(forTimeInterval: 0.001)
                  tally.add(-byteCount)
                  promise.shrink(to: 0)
                })
            }.start()
          }
        }
      }
      try await group.waitForAll()
    }
    #expect(tally.most <= 1000 && tally.most > 500 && ledger.byteCount == 0)
  }

  @Test func moreThanTheLimitIsRefusedWithTheNumbers() {
    let ledger = MemoryLedger(limit: 1000)
    let error = #expect(throws: ServingError.self) { try ledger.promise(1001, control()) }
    #expect(error?.status == .contentTooLarge && error?.sentence.contains("1001") == true)
  }

  @Test func whatModelsKeepIsAskedBack() throws {
    let ledger = MemoryLedger(limit: 1000)
    let owner = Owner()
    ledger.keep(700, for: owner)
    ledger.whenShort { [owner] in ledger.keep(0, for: owner) }
    let promise = try ledger.promise(900, control())
    #expect(ledger.byteCount == 900)
    promise.shrink(to: 100, keeping: 300, by: owner)
    #expect(ledger.byteCount == 400)
    withExtendedLifetime(owner) {}
  }

  @Test func whoWaitsForMemoryCanBeEnded() throws {
    let ledger = MemoryLedger(limit: 1000)
    let promise = try ledger.promise(1000, control())
    #expect(throws: Control.End.self) { try ledger.promise(1, control(0.05)) }
    // Who left the line blocks nobody.
    promise.shrink(to: 0)
    _ = try ledger.promise(1000, control())
  }

  @Test func bodiesHavePlaceOrNot() {
    let waiting = WaitingBytes(limit: 100)
    var first = waiting.place(60)
    let second = waiting.place(30)
    #expect(waiting.byteCount == 90 && second?.grow(to: 41) == false && second?.grow(to: 40) == true)
    #expect(waiting.place(1) == nil && waiting.byteCount == 100)
    let result = waiting.result(500)
    #expect(waiting.byteCount == 600)
    first = nil
    #expect(waiting.byteCount == 540 && first == nil)
    second?.release()
    second?.release()
    #expect(waiting.byteCount == 500)
    withExtendedLifetime((second, result)) {}
  }

  @Test func theQueueIsBoundedAndFreesPlaces() async throws {
    let queue = WorkQueue(length: 2, threadCount: 1)
    let gate = DispatchSemaphore(value: 0)
    let (running, waits) = (control(), control())
    async let first = queue.run(running) {
      gate.wait(); return 1
    }
    while queue.runningCount < 1 { await Task.yield() }
    let task = Task { try await queue.run(waits) { 2 } }
    while queue.waitingCount < 1 { await Task.yield() }
    await #expect(throws: ServingError.self) { try await queue.run(control()) { 3 } }
    // One that leaves the line makes place at once.
    queue.finish(waits, .left)
    await #expect(throws: Control.End.self) { try await task.value }
    #expect(queue.hasPlace)
    let late = Task { try await queue.run(control(0.05)) { 4 } }
    await #expect(throws: Control.End.self) { try await late.value }
    gate.signal()
    #expect(try await first == 1)
    queue.close()
    await #expect(throws: ServingError.self) { try await queue.run(control()) { 5 } }
  }

  @Test func turnsAreOneAtATime() async throws {
    let turns = Turns(1)
    let tally = Tally()
    await withTaskGroup(of: Void.self) { group in
      for _ in 0..<8 {
        group.addTask {
          await withCheckedContinuation { done in
            Thread {
              try? turns.take(control()) {
                tally.add(1)
                Thread.sleep(forTimeInterval: 0.002)
                tally.add(-1)
              }
              done.resume()
            }.start()
          }
        }
      }
    }
    #expect(tally.most == 1)
  }
}
