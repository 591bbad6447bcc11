import Foundation
import IRPicture
import Testing

@testable import IRVideo

/// Numbers that look random, by a seed.
private struct Noise {
  var state: UInt64

  mutating func next() -> Float {
    var sum: Float = 0
    for _ in 0..<6 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      sum += Float(state >> 40) / Float(1 << 24) - 0.5
    }
    return sum * 1.41421
  }
}

private let (width, height) = (96, 64)

private func picture(_ pixels: [Float]) -> Image {
  Image(width: width, height: height, channelCount: 1, pixels: pixels, sampleFormat: .uint8)
}

/// A texture that has moved by some pixels.
private func scene(_ shift: Float) -> [Float] {
  (0..<(width * height)).map { index in
    let (x, y) = (Float(index % width) + shift, Float(index / width))
    return 0.5 + 0.2 * sin(x / 5) * cos(y / 7) + (Int(floor(x / 12) + floor(y / 12)) % 2 == 0 ? 0.15 : -0.15)
  }
}

/// Frames with noise, and restorations that leave a blurred part of it.
private func clip(_ shifts: [Float], level: Float) -> [(clean: [Float], frame: Image, restored: Image)] {
  var noise = Noise(state: 7)
  return shifts.map { shift in
    let clean = scene(shift)
    let grain = clean.map { _ in level * noise.next() }
    let left = TemporalBlend.means(grain, width: width, height: height, radius: 1)
    let frame = zip(clean, grain).map { $0 + $1 }
    return (clean, picture(frame), picture(zip(clean, left).map { $0 + 0.4 * $1 }))
  }
}

/// The mean squares of errors behind the first frames, of the frames alone and blended, and how much they
/// change from frame to frame.
private func measured(
  _ shifts: [Float], level: Float
) -> (alone: (error: Float, flicker: Float), blended: (error: Float, flicker: Float)) {
  var blend = TemporalBlend()
  var errors: [[[Float]]] = [[], []]
  for (clean, frame, restored) in clip(shifts, level: level) {
    for (index, image) in [restored, blend.blended(restored, of: frame)].enumerated() {
      errors[index].append(zip(image.pixels, clean).map { $0 - $1 })
    }
  }
  func numbers(_ errors: [[Float]]) -> (Float, Float) {
    let last = errors.dropFirst(4)
    func mean(_ values: [Float]) -> Float { values.reduce(0) { $0 + $1 * $1 } / Float(values.count) }
    let changes = zip(last, last.dropFirst()).map { a, b in zip(a, b).map { $0 - $1 } }
    return (mean(last.flatMap { $0 }), mean(changes.flatMap { $0 }))
  }
  return (numbers(errors[0]), numbers(errors[1]))
}

@Suite struct TemporalBlendTests {
  @Test func aStillSceneFlickersLess() {
    let (alone, blended) = measured([Float](repeating: 0, count: 12), level: 0.05)
    #expect(blended.flicker < 0.5 * alone.flicker && blended.error < 0.8 * alone.error, "\(blended) \(alone)")
  }

  /// Neither quick nor slow motion leaves ghosts.
  @Test(arguments: [3, 1, 0.3] as [Float]) func aPanHasNoGhosts(step: Float) {
    let (alone, blended) = measured((0..<12).map { step * Float($0) }, level: 0.05)
    #expect(blended.error < 1.03 * alone.error, "\(blended) \(alone)")
  }

  @Test func aCutStartsAnew() {
    let frames = clip([0, 0, 0, 500], level: 0.05)
    var blend = TemporalBlend()
    var last: Image?
    for (_, frame, restored) in frames { last = blend.blended(restored, of: frame) }
    let changed = zip(last?.pixels ?? [], frames[3].restored.pixels).count { abs($0 - $1) > 1e-3 }
    #expect(changed < width * height / 50)
  }

  /// Frames that a model gives back come out as they are, to the level.
  @Test func whatIsNotChangedStays() {
    var blend = TemporalBlend()
    for (_, frame, _) in clip([0, 0, 0, 1], level: 0.05) {
      let out = blend.blended(frame, of: frame)
      #expect(zip(out.pixels, frame.pixels).allSatisfy { abs($0 - $1) < 1e-3 })
    }
  }

  @Test func framesOfOtherSidesStartAnew() {
    var blend = TemporalBlend()
    let first = clip([0], level: 0.05)[0]
    _ = blend.blended(first.restored, of: first.frame)
    let small = Image(width: 2, height: 1, channelCount: 1, pixels: [0.25, 0.5], sampleFormat: .uint8)
    #expect(blend.blended(small, of: small).pixels == [0.25, 0.5])
  }

  @Test func meansRepeatTheEdges() {
    let means = TemporalBlend.means([1, 2, 3, 4, 5, 6], width: 3, height: 2, radius: 1)
    #expect(zip(means, [2.333, 3, 3.667, 3.333, 4, 4.667]).allSatisfy { abs($0 - $1) < 1e-2 }, "\(means)")
    let one = TemporalBlend.means([7], width: 1, height: 1, radius: 4)
    #expect(abs(one[0] - 7) < 1e-4)
  }
}
