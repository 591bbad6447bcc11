import IRTensor
import Testing

@testable import IRDiffusion

@Test func theGridIsThePapers() {
  #expect(Composition.grid.count == 1512)
  #expect(Set(Composition.grid).count == 1512)
  for composition in Composition.grid {
    let weights = Component.six.map { composition.weight(of: $0) }
    #expect((weights.reduce(0, +) - 1).magnitude < 1e-9)
    #expect(weights.allSatisfy { $0 >= -0.2 && $0 <= 1.2 } && weights.filter { $0 < 0 }.count <= 1)
  }
  // The specification's counts of vectors with 1 to 6 weights that are not 0.
  let counts = (1...6).map { count in Composition.grid.filter { $0.parts.count == count }.count }
  #expect(counts == [6, 90, 420, 660, 306, 30])
  #expect(Composition.frequent.count == 8)
  #expect(Composition.frequent.reduce(0) { $0 + $1.parts.count } == 33)
  #expect(Composition.frequent.allSatisfy { Composition.grid.contains($0) })
}

@Test func compositionsAreRead() throws {
  let composition = try Composition("sr=.4,md=.4, dn=-.2,d4=0.4,dd=0")
  #expect(
    composition.parts.map(\.component) == [.superResolution, .motionDeblurring, .denoising, .quartered])
  #expect(composition.weight(of: .denoising) == -0.2)
  #expect(composition == (try Composition("\(composition)")))
  #expect(composition.parts.map(\.component.prompt) == [0, 1, 3, 0])
  for (text, word) in [
    ("sr=.4", "add up to 0.4"), ("sr=.5,sr=.5", "twice"), ("xx=1", "one of sr"), ("sr", "NAME=WEIGHT"),
    ("sr=nan", "must be a number"), ("sr=1e9,md=-999999999", "-10 to 10"), ("", "add up to 0"),
  ] {
    do {
      _ = try Composition(text)
      Issue.record("\(text) was taken")
    } catch { #expect("\(error)".contains(word), "\(error)") }
  }
}

@Test func predictionsAreAddedUp() throws {
  let composition = try Composition("sr=1.2,nopicture=-.2")
  let latents = Tensor([Float(1), 2], shape: [1, 1, 1, 2])
  let picture = Tensor([Float(5), 6], shape: [1, 1, 1, 2])
  #expect(try Component.sample(latents, picture) == Tensor([Float(1), 2, 5, 6], shape: [1, 2, 1, 2]))
  let predictions = [[Float(1), 2], [10, -20]].map { Tensor($0, shape: [1, 1, 1, 2]) }
  #expect(try composition.combined(predictions) == Tensor([Float(-0.8), 6.4], shape: [1, 1, 1, 2]))
  #expect(throws: DiffusionError.self) {
    try Component.sample(latents, Tensor([Float(1)], shape: [1, 1, 1, 1]))
  }
  #expect(throws: DiffusionError.self) { try composition.combined([predictions[0]]) }
  #expect(throws: DiffusionError.self) {
    try composition.combined([predictions[0], Tensor([Float(1)], shape: [1, 1, 1, 1])])
  }
}

@Test func detailIsInventedFromLess() throws {
  let composition = try Composition("sr=.8,md=.4,dn=-.2")
  #expect(try composition.inventing(0) == composition)
  #expect(try composition.inventing(1) == Composition("d4=1"))
  let half = try composition.inventing(0.5)
  let weights = [Component.superResolution, .motionDeblurring, .denoising, .quartered].map(half.weight)
  #expect(zip(weights, [0.4, 0.2, -0.1, 0.5]).allSatisfy { ($0 - $1).magnitude < 1e-12 })
  #expect(throws: DiffusionError.self) { try composition.inventing(1.5) }
}

@Test func coloursAreStableSRs() throws {
  guard let folder = oracle("colour") else { return }
  let io = try tensors("\(folder)/io.safetensors")
  let (image, reference) = (try #require(io["image"]), try #require(io["reference"]))
  #expect(
    distance(try ColourFix.statistics(image, like: reference), try #require(io["adain"])) < 1e-5)
  #expect(distance(try ColourFix.wavelet(image, like: reference), try #require(io["wavelet"])) < 1e-5)
  #expect(throws: DiffusionError.self) {
    try ColourFix.wavelet(image, like: Tensor(zeros: TensorType(.float32, [1, 3, 4, 4])))
  }
}

@Test func lowQualityIsPyTorchs() throws {
  guard let folder = oracle("ddim") else { return }
  let io = try tensors("\(folder)/io.safetensors")
  let picture = try #require(io["condition.lq"])
  for factor in [2, 4] {
    let expected = try #require(io["condition.down\(factor)"])
    #expect(distance(try LowQuality.reduced(picture, by: factor), expected) < 1e-6)
  }
  #expect(try LowQuality.reduced(picture, by: 1) == picture)
  #expect(throws: DiffusionError.self) { try LowQuality.reduced(picture, by: 1000) }
}
