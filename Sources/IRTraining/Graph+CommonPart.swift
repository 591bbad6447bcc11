import IRGraph

extension Graph {
  /// Parts a graph that is run for many images: what depends on none of `own`, the inputs that differ from
  /// image to image, is computed once for all of them.
  ///
  /// The results of `common` are inputs of `rest` under the same names. Each part has the inputs that it
  /// reads.
  func parted(own: Set<String>) -> (common: Graph, rest: Graph) {
    var dependent = Set(inputs.filter { own.contains(self[$0].name) })
    let order = nodesInOrder
    for node in order where self[node].inputs.contains(where: { dependent.contains($0) }) {
      dependent.formUnion(self[node].outputs)
    }
    let crossing = order.flatMap { self[$0].outputs }.filter { value in
      !dependent.contains(value)
        && (isOutput(value)
          || users(of: value).contains { user in self[user].outputs.contains { dependent.contains($0) } })
    }
    var (common, rest) = (self, self)
    common.outputs = []
    for (index, value) in crossing.enumerated() {
      let name = "training.common.\(index)"
      common.addOutput(value, name: name)
      rest.replaceUses(of: value, with: rest.addInput(name, self[value].type))
    }
    common.removeDeadNodes()
    rest.removeDeadNodes()
    common.removeInputs(common.inputs.filter { common.users(of: $0).isEmpty && !common.isOutput($0) })
    rest.removeInputs(rest.inputs.filter { rest.users(of: $0).isEmpty && !rest.isOutput($0) })
    return (common, rest)
  }
}
