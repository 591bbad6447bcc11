import IRCompiler
import IRRestorers
import IRRuntime

extension Restorer {
  /// The network's receptive field, which graphs of two sizes must agree on where sides are open.
  package func field() throws -> Result<ReceptiveField, ReceptiveField.Unbounded> {
    if let receptiveField { return receptiveField }
    func field(_ side: Int) throws -> Result<ReceptiveField, ReceptiveField.Unbounded> {
      let graph = try model.graph(
        height: fixedSides.height ?? side, width: fixedSides.width ?? side + multiple)
      guard let input = graph.inputs.first(where: { graph[$0].name == model.image.name }),
        let output = graph.outputs.first(where: { $0.name == outputName })
      else { throw RestorationError.notARestorer(path: path, detail: "its graph lost its image") }
      return ReceptiveField.of(
        graph, input: input, output: output.value, kernels: CPUKernelLibrary())
    }
    let large = try field(padded(416))
    let isFixed = fixedSides.height != nil && fixedSides.width != nil
    var result = large
    if !isFixed, case .success(let a) = try field(padded(160)), case .success(let b) = large, a != b {
      result = .failure(
        ReceptiveField.Unbounded(
          node: "the graph", operator: "margin \(a.margin), then \(b.margin)",
          reason: "looks further in larger pictures"))
    }
    receptiveField = result
    return result
  }
}
