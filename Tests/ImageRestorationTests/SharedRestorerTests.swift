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

  /// One picture's strength is not the next one's.
  @Test func aStrengthIsOfOnePicture() throws {
    let shared = try SharedRestorer(model: "symunet-s")
    let picture = Self.picture(4)
    let half = try shared.restoration(of: picture, strength: 0.5) { _ in true }.image
    let whole = try shared.restoration(of: picture) { _ in true }.image
    #expect(whole.pixels == (try Restorer(model: "symunet-s").restore(picture).pixels))
    #expect(
      half.pixels
        == (try Restorer(model: "symunet-s", settings: RestorationSettings(strength: 0.5)).restore(picture)
          .pixels)
    )
    for (index, value) in half.pixels.enumerated() {
      #expect(abs(value - (picture.pixels[index] + whole.pixels[index]) / 2) < 1e-5)
    }
  }

  @Test func aPlanKeepsToItsLimit() throws {
    let shared = try SharedRestorer(model: "symunet-s")
    let limit = 30 << 20
    let held = shared.resultByteCount(width: 1024, height: 768, channelCount: 3)
    #expect(held == 4 * 3 * 1024 * 768)
    let whole = try shared.plan(width: 1024, height: 768, channelCount: 3, within: 1 << 30)
    let plan = try shared.plan(width: 1024, height: 768, channelCount: 3, within: limit)
    #expect(whole.tiles.count == 1 && whole.byteCount > limit - held)
    #expect(plan.tiles.count > 1 && plan.byteCount + held <= limit)
    #expect(throws: RuntimeError.self) {
      try shared.plan(width: 1024, height: 768, channelCount: 3, within: held + 1000)
    }
    let picture = Image(
      width: 1024, height: 768, channelCount: 3, pixels: [Float](repeating: 0.5, count: 3 * 1024 * 768))
    let result = try shared.restoration(of: picture, within: limit) { _ in true }
    #expect(result.plan.tiles == plan.tiles && shared.keptByteCount <= limit)
  }

  @Test func sessionsAreKeptUntilTheyAreDropped() throws {
    let shared = try SharedRestorer(model: "symunet-s")
    #expect(shared.keptByteCount == 0)
    let first = try shared.restoration(of: Self.picture(5)) { _ in true }.image
    #expect(shared.keptByteCount > 0 && shared.dropSessions() && shared.keptByteCount == 0)
    #expect(try shared.restoration(of: Self.picture(5)) { _ in true }.image.pixels == first.pixels)
    _ = try shared.restoration(of: Self.picture(5)) { _ in
      #expect(!shared.dropSessions())
      return true
    }
  }
}
