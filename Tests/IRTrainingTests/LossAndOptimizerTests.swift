import Foundation
import IRGraph
import IRModels
import IROperators
import IRTensor
import Testing

@testable import IRTraining

/// The check pair of published training losses: SplitMix64 numbers, one picture smoothed, the other beside
/// it.
private func checkPair() -> (a: Tensor, b: Tensor) {
  func mix(_ x: UInt64) -> UInt64 {
    var z = x &+ 0x9E37_79B9_7F4A_7C15
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
  func u(_ k: UInt64, _ j: Int) -> Double { Double(mix(k &* (1 << 32) &+ UInt64(j)) >> 40) / 16_777_216 }
  let (height, width) = (48, 64)
  let noise = (0..<(3 * height * width)).map { u(0xFFFFF, $0) }
  var a: [Double] = []
  for c in 0..<3 {
    for y in 0..<height {
      for x in 0..<width {
        var sum = 0.0
        for dy in -2...2 {
          for dx in -2...2 {
            let (v, w) = (min(max(y + dy, 0), height - 1), min(max(x + dx, 0), width - 1))
            sum += noise[(c * height + v) * width + w]
          }
        }
        a.append(sum / 25)
      }
    }
  }
  let b = a.indices.map { min(max(a[$0] + 0.1 * (2 * u(0xFFFFE, $0) - 1), 0), 1) }
  let type = TensorType(.float64, [1, 3, height, width])
  return (Tensor(type, doubles: a), Tensor(type, doubles: b))
}

private func value(of loss: Loss, _ a: Tensor, _ b: Tensor) throws -> Double {
  var builder = GraphBuilder()
  let (x, y) = (builder.input("x", a.type), builder.input("y", b.type))
  builder.output(try loss.value(of: x, target: y, into: &builder), name: "loss")
  return try #require(try GraphInterpreter(try builder.finished()).run(["x": a, "y": b])["loss"]).doubles[0]
}

@Test func lossesArePublishedOnes() throws {
  let (a, b) = checkPair()
  let l1 = try value(of: Loss(pixel: .l1), b, a)
  #expect((l1 - 0.0500223).magnitude < 1e-6)
  let fourier = try value(of: Loss(pixel: .l1, fourierWeight: 1), b, a) - l1
  #expect((fourier - 1.802390).magnitude < 2e-5)
  let differences = zip(a.doubles, b.doubles).map { $0 - $1 }
  let square = differences.reduce(0) { $0 + $1 * $1 } / Double(differences.count)
  #expect((try value(of: Loss(pixel: .l2), b, a) - square).magnitude < 1e-12)
  let soft = differences.reduce(0) { $0 + ($1 * $1 + 1e-6).squareRoot() } / Double(differences.count)
  #expect((try value(of: Loss(pixel: .charbonnier), b, a) - soft).magnitude < 1e-8)
  let decibels = 10 * log10(1 + square * 255 * 255)
  #expect((try value(of: Loss(pixel: .psnr), b, a) - decibels).magnitude < 1e-5)
}

/// Errors of 1/255 and of 3/255: 10 log₁₀ 2 and 10 log₁₀ 10, each image by itself.
@Test func imagesOfABatchLosePSNREach() throws {
  let type = TensorType(.float64, [2, 1, 1, 2])
  let loss = try value(
    of: Loss(pixel: .psnr), Tensor(type, doubles: [1 / 255, -1 / 255, 3 / 255, 3 / 255]), Tensor(zeros: type))
  #expect((loss - (10 * log10(2) + 10) / 2).magnitude < 1e-5)
}

@Test func routersAreTaughtByCrossEntropy() throws {
  var builder = GraphBuilder()
  let image = builder.input("x", TensorType(.float64, [2, 1, 2, 2]))
  let logits = builder.constant(Tensor(TensorType(.float64, [2, 3]), doubles: [1, 2, 3, 0, 0, 0]))
  let tasks = builder.constant(Tensor(TensorType(.float64, [2, 3]), doubles: [0, 0, 1, 1, 0, 0]))
  let loss = Loss(routerWeight: 0.5)
  let total = try loss.value(
    of: image, target: image, routers: [logits, logits], tasks: tasks, into: &builder)
  builder.output(total, name: "loss")
  let zeros = Tensor(zeros: TensorType(.float64, [2, 1, 2, 2]))
  let found = try #require(try GraphInterpreter(try builder.finished()).run(["x": zeros])["loss"]).doubles[0]
  let first = -(3 - log(exp(1.0) + exp(2.0) + exp(3.0)))
  #expect((found - 0.5 * (first + log(3.0)) / 2).magnitude < 1e-9)
}

/// The results of torch.optim.AdamW and Adam (2.13) from 0.5 and -1 in three steps of gradients (0.1, -2),
/// (0.3, 1), (-0.2, 0.5), rate 0.01, decay 0.1.
@Test func optimizersStepAsPyTorchDoes() {
  let expected: [Bool: [Float]] = [true: [0.47677386, -0.98374850], false: [0.47608697, -0.98543102]]
  for isDecoupled in [true, false] {
    let optimizer = AdamW(weightDecay: 0.1, isDecoupled: isDecoupled)
    var (p, m, v): ([Float], [Float], [Float]) = ([0.5, -1], [0, 0], [0, 0])
    for (step, gradient) in ([[0.1, -2], [0.3, 1], [-0.2, 0.5]] as [[Float]]).enumerated() {
      gradient.withUnsafeBufferPointer { g in
        p.withUnsafeMutableBufferPointer { p in
          m.withUnsafeMutableBufferPointer { m in
            v.withUnsafeMutableBufferPointer { v in
              optimizer.update(
                p, gradient: g, first: m, second: v, step: step + 1, learningRate: 0.01, scale: 1)
            }
          }
        }
      }
    }
    for (found, wanted) in zip(p, expected[isDecoupled] ?? []) { #expect((found - wanted).magnitude < 1e-6) }
  }
}

@Test func ratesRiseAndFall() {
  let schedule = LearningRateSchedule(peak: 1, floor: 0.1, warmUpStepCount: 10, stepCount: 110)
  #expect(schedule.rate(at: 0) == 0.1 && schedule.rate(at: 9) == 1 && schedule.rate(at: 10) == 1)
  #expect((schedule.rate(at: 60) - 0.55).magnitude < 1e-12)
  #expect(
    (schedule.rate(at: 110) - 0.1).magnitude < 1e-12 && schedule.rate(at: 500) == schedule.rate(at: 110))
}

@Test func ratesFollowTheClock() {
  let schedule = TimedSchedule(peak: 1, floor: 0, warmUpStepCount: 10, seconds: 100, decaySeconds: 40)
  #expect((schedule.rate(at: 0, after: 0) - 0.1).magnitude < 1e-12)
  #expect(schedule.rate(at: 10, after: 60) == 1)
  #expect((schedule.rate(at: 500, after: 80) - 0.5).magnitude < 1e-12)
  #expect(schedule.rate(at: 900, after: 130).magnitude < 1e-12)
  let whole = TimedSchedule(peak: 2, floor: 1, seconds: 10)
  #expect((whole.rate(at: 0, after: 5) - 1.5).magnitude < 1e-12)
}

@Test func risingLossesAreNoticed() {
  var watch = DivergenceWatch()
  for loss in [0.5, 0.2, 0.39, 0.1, 0.15] { #expect(watch.suspicious(loss) == nil) }
  #expect(watch.suspicious(0.21) == 0.1)
  #expect(watch.suspicious(.nan) == 0.1)
  #expect(watch.suspicious(0.19) == nil)
}

@Test func runsCanBecomeLongerUntilTheirRateFalls() {
  func schedule(_ count: Int) -> LearningRateSchedule {
    LearningRateSchedule(peak: 1, floor: 0, warmUpStepCount: 5, stepCount: count, decayStepCount: 20)
  }
  let short = schedule(100)
  #expect(short.rate(at: 4) == 1 && short.rate(at: 80) == 1)
  #expect((short.rate(at: 90) - 0.5).magnitude < 1e-12 && short.rate(at: 100).magnitude < 1e-12)
  #expect(short.agrees(with: schedule(300), upTo: 81) && !short.agrees(with: schedule(300), upTo: 82))
}

@Test func controllersFollowTheEncodersExperts() {
  let rest = "down.weight"
  for (stage, layer) in [(0, 4), (1, 0), (2, 0)] {
    let controller = "dec.\(stage).2.layers.\(layer).dale.controller.\(rest)"
    #expect(
      DaAIR.leader(ofController: controller) == "enc.\(2 - stage).0.layers.\(layer).dale.agnostic.\(rest)")
  }
  for other in [
    "enc.2.0.layers.4.dale.agnostic.\(rest)", "dec.0.2.layers.4.dale.agnostic.\(rest)",
    "dec.3.2.layers.0.dale.controller.\(rest)", "dec.0.2.layers.4.dale.controller",
  ] {
    #expect(DaAIR.leader(ofController: other) == nil)
  }
}
