import ImageRestoration
import Synchronization
import Testing

@Suite struct SharedRestorerTests {
  private static func picture(_ seed: Int) -> Image {
    var state = UInt32(seed) &+ 1
    let pixels = (0..<(3 * 64 * 72)).map { _ -> Float in
      state = state &* 1_103_515_245 &+ 12345
      return 0.4 + Float(state >> 16 & 255) / 1000
    }
    return Image(width: 72, height: 64, channelCount: 3, pixels: pixels)
  }

  @Test func tasksGetWhatARestorerGives() async throws {
    let shared = try SharedRestorer(model: "symunet-s")
    let pictures = (0..<4).map(Self.picture)
    let found = try await withThrowingTaskGroup(of: (Int, [Float]).self) { group in
      for (index, picture) in pictures.enumerated() {
        group.addTask { (index, try await shared.restore(picture).pixels) }
      }
      return try await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
    }
    let restorer = try Restorer(model: "symunet-s")
    for (index, picture) in pictures.enumerated() {
      #expect(try restorer.restore(picture).pixels == found[index])
    }
  }

  @Test func progressRisesToTheResult() async throws {
    let shared = try SharedRestorer(
      model: "symunet-s", settings: RestorationSettings(tileSize: 48, overlap: 16))
    var (shares, results) = ([Double](), [Image]())
    for try await event in shared.restoration(of: Self.picture(1)) {
      switch event {
      case .progress(let share): shares.append(share)
      case .finished(let result): results.append(result.image)
      }
    }
    #expect(shares.count > 20 && shares == shares.sorted() && shares.allSatisfy { (0...1).contains($0) })
    #expect(results.count == 1 && results.first?.width == 72)
  }

  /// A restoration ends at the next step once it is told to, and the restorer restores again.
  @Test func endsBetweenSteps() throws {
    let shared = try SharedRestorer(model: "symunet-s")
    var count = 0
    let error = #expect(throws: RuntimeError.self) {
      try shared.restoration(of: Self.picture(2)) { _ in
        count += 1
        return count < 5
      }
    }
    if case .cancelled = error {} else { Issue.record("\(String(describing: error))") }
    #expect(count == 5)
    #expect(try shared.restoration(of: Self.picture(2)) { _ in true }.image.height == 64)
  }

  @Test func aCancelledTaskIsAnError() async throws {
    let count = Mutex(0)
    let shared = try SharedRestorer(
      model: "symunet-s",
      options: RuntimeOptions(monitor: { _, _ in
        count.withLock { $0 += 1 }; return true
      }))
    let task = Task { try await shared.restore(Self.picture(3)) }
    task.cancel()
    await #expect(throws: CancellationError.self) { try await task.value }
    #expect(count.withLock { $0 } <= 1)
  }
}
