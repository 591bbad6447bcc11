import IRGraph
import IROperators

extension Graph {
  /// Gives every reader of a feature map's blocks a node of its own: regions read them from the feature map
  /// as they go, where one node for all would have to be computed whole.
  mutating func separateBlockReaders() {
    for id in nodesInOrder where self[id].operator is SpaceToDepth {
      let blocks = self[id].outputs[0]
      let users = users(of: blocks)
      let readers = users.indices.filter { users.firstIndex(of: users[$0]) == $0 }.map { users[$0] }
      for reader in readers.dropFirst(isOutput(blocks) ? 0 : 1) {
        guard let own = try? addNode(self[id].operator, inputs: self[id].inputs, name: self[id].name).first
        else { continue }
        replaceUses(of: blocks, with: own, in: [reader])
      }
    }
  }
}
