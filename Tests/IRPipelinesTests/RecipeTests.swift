import IRDiffusion
import Testing

@testable import IRPipelines

@Test func recipesComeBack() throws {
  var settings = PipelineSettings(try Composition("sr=.4,md=.4,dn=-.2,d4=.4"))
  (settings.stepCount, settings.seed, settings.scale) = (7, .max, 4)
  (settings.tileSide, settings.overlap, settings.colourBlend) = (512, 64, 0.1)
  for (method, spacing) in [(SamplingMethod.ddim(eta: 0.3), TimestepSpacing?.some(.leading)), (.euler, nil)] {
    (settings.method, settings.spacing) = (method, spacing)
    let recipe = PipelineRecipe(
      settings: settings, pipeline: "12", input: "34", search: "screen", by: "niqe", score: 1 / 3)
    let properties = Dictionary(uniqueKeysWithValues: recipe.properties.map { ($0.name, $0.value) })
    #expect(try PipelineRecipe(properties) == recipe)
    for (name, bad) in [
      ("Weights", "sr=2"), ("Sampler", "magic"), ("Steps", "x"), ("Seed", "-1"), ("Colours", "blue"),
      ("ColourBlend", "nan"), ("Scale", "99"), ("Tile", "65"), ("Overlap", "400"), ("Score", "high"),
      ("Spacing", "wide"),
    ] {
      var other = properties
      other[name] = bad
      #expect(throws: (any Error).self, "\(name) \(bad)") { try PipelineRecipe(other) }
      other[name] = nil
      if !["Score", "Spacing"].contains(name) {
        #expect(throws: (any Error).self, "\(name)") { try PipelineRecipe(other) }
      }
    }
  }
}
