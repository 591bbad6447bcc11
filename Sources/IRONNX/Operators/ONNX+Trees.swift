import IRGraph
import IROperators
import IRTensor

/// Regression by trees (domain `ai.onnx.ml`): read as tables of nodes, in which all trees step down together.
extension ONNXOperatorTable {
  static let classical: [String: Reader] = [
    "TreeEnsembleRegressor": { (n) throws(ImportFailure) in
      let modes = n.texts("nodes_modes") ?? []
      guard let function = n.text("aggregate_function", "SUM").treeAggregation else {
        throw .unsupported("aggregate_function \(n.text("aggregate_function"))")
      }
      let post = n.text("post_transform", "NONE")
      guard post == "NONE" else { throw .unsupported("post_transform \(post)") }
      let (trees, nodes) = (n.ints("nodes_treeids") ?? [], n.ints("nodes_nodeids") ?? [])
      let (yes, no) = (n.ints("nodes_truenodeids") ?? [], n.ints("nodes_falsenodeids") ?? [])
      let features = n.ints("nodes_featureids") ?? []
      let thresholds = try n.numbers("nodes_values")
      let targets = n.int("n_targets", 1)
      guard nodes.count == trees.count, modes.count == trees.count, yes.count == trees.count,
        no.count == trees.count, features.count == trees.count, thresholds.count == trees.count
      else { throw .unsupported("its lists of nodes have different lengths") }
      var places: [TreeNode: Int] = [:]
      for index in trees.indices {
        let node = TreeNode(tree: trees[index], node: nodes[index])
        guard places.updateValue(index, forKey: node) == nil else {
          throw .unsupported("node \(node.node) of tree \(node.tree) appears twice")
        }
      }
      func place(_ tree: Int, _ node: Int) throws(ImportFailure) -> Int {
        guard let place = places[TreeNode(tree: tree, node: node)] else {
          throw .unsupported("tree \(tree) has no node \(node)")
        }
        return place
      }
      var table = try TreeTable(nodeCount: trees.count, targets: targets, function)
      var isChild = [Bool](repeating: false, count: trees.count)
      for index in trees.indices where modes[index] != "LEAF" {
        let children = (try place(trees[index], yes[index]), try place(trees[index], no[index]))
        try table.branch(
          index, TreeMode(name: modes[index]), feature: features[index], threshold: thresholds[index],
          yes: children.0, no: children.1)
        (isChild[children.0], isChild[children.1]) = (true, true)
      }
      let (leafTrees, leafNodes) = (n.ints("target_treeids") ?? [], n.ints("target_nodeids") ?? [])
      let (ids, weights) = (n.ints("target_ids") ?? [], try n.numbers("target_weights"))
      guard leafNodes.count == leafTrees.count, ids.count == leafTrees.count, weights.count == ids.count
      else { throw .unsupported("its lists of targets have different lengths") }
      for index in ids.indices {
        try table.add(weights[index], target: ids[index], at: try place(leafTrees[index], leafNodes[index]))
      }
      table.roots = trees.indices.filter { !isChild[$0] }
      let rooted = Set(table.roots.map { trees[$0] })
      guard rooted.count == table.roots.count, rooted == Set(trees) else {
        throw .unsupported("a tree has no root, or several")
      }
      try n.refuseMissingValues()
      return [try table.emitted(n, base: try n.numbers("base_values"))]
    },
    "TreeEnsemble": { (n) throws(ImportFailure) in
      let post = n.int("post_transform")
      guard post == 0 else { throw .unsupported("post_transform \(post)") }
      let functions: [ReduceFunction] = [.mean, .sum, .minimum, .maximum]
      let number = n.int("aggregate_function", 1)
      guard functions.indices.contains(number) else { throw .unsupported("aggregate_function \(number)") }
      let (yes, no) = (n.ints("nodes_truenodeids") ?? [], n.ints("nodes_falsenodeids") ?? [])
      let (yesLeaves, noLeaves) = (n.ints("nodes_trueleafs") ?? [], n.ints("nodes_falseleafs") ?? [])
      let features = n.ints("nodes_featureids") ?? []
      let (modes, splits) = (try n.tensorNumbers("nodes_modes"), try n.tensorNumbers("nodes_splits"))
      let (ids, weights) = (n.ints("leaf_targetids") ?? [], try n.tensorNumbers("leaf_weights"))
      let count = features.count
      guard yes.count == count, no.count == count, yesLeaves.count == count, noLeaves.count == count,
        modes.count == count, splits.count == count, ids.count == weights.count
      else { throw .unsupported("its lists of nodes have different lengths") }
      // Leaves stand behind the nodes.
      var table = try TreeTable(
        nodeCount: count + ids.count, targets: n.int("n_targets", 1), functions[number])
      func place(_ index: Int, isLeaf: Int) throws(ImportFailure) -> Int {
        guard (0..<(isLeaf != 0 ? ids.count : count)).contains(index) else {
          throw .unsupported("there is no \(isLeaf != 0 ? "leaf" : "node") \(index)")
        }
        return isLeaf != 0 ? count + index : index
      }
      for index in 0..<count {
        try table.branch(
          index, TreeMode(number: modes[index]), feature: features[index], threshold: splits[index],
          yes: try place(yes[index], isLeaf: yesLeaves[index]),
          no: try place(no[index], isLeaf: noLeaves[index]))
      }
      for index in ids.indices { try table.add(weights[index], target: ids[index], at: count + index) }
      for root in n.ints("tree_roots") ?? [] { table.roots.append(try place(root, isLeaf: 0)) }
      try n.refuseMissingValues()
      return [try table.emitted(n, base: [])]
    },
  ]
}

private struct TreeNode: Hashable {
  var tree: Int
  var node: Int
}

/// How a node compares its feature with its threshold; all nodes of an ensemble do it alike.
private enum TreeMode: String {
  case lessOrEqual = "BRANCH_LEQ"
  case less = "BRANCH_LT"
  case greaterOrEqual = "BRANCH_GTE"
  case greater = "BRANCH_GT"
  case equal = "BRANCH_EQ"

  init(name: String) throws(ImportFailure) {
    guard let mode = TreeMode(rawValue: name) else { throw .unsupported("nodes of mode \(name)") }
    self = mode
  }

  /// By the number of `TreeEnsemble`.
  init(number: Double) throws(ImportFailure) {
    let modes: [TreeMode] = [.lessOrEqual, .less, .greaterOrEqual, .greater, .equal]
    guard let index = Int(exactly: number), modes.indices.contains(index) else {
      throw .unsupported("nodes of mode \(number)")
    }
    self = modes[index]
  }

  var function: BinaryFunction {
    switch self {
    case .lessOrEqual: .lessOrEqual
    case .less: .less
    case .greaterOrEqual: .greaterOrEqual
    case .greater: .greater
    case .equal: .equal
    }
  }
}

/// All nodes of all trees in one list; a leaf leads to itself.
private struct TreeTable {
  private var features: [Int64]
  private var thresholds: [Double]
  private var yes: [Int64]
  private var no: [Int64]
  /// `[nodes, targets]`.
  private var weights: [Double]
  private var isStated: [Bool]
  private let targets: Int
  /// How trees are put together.
  private let function: ReduceFunction
  private var mode: TreeMode?
  var roots: [Int] = []

  private static let levelLimit = 512
  /// Nodes times targets.
  private static let weightLimit = 1 << 24

  init(nodeCount: Int, targets: Int, _ function: ReduceFunction) throws(ImportFailure) {
    guard nodeCount > 0, nodeCount <= Self.weightLimit, (1...Self.weightLimit).contains(targets),
      nodeCount * targets <= Self.weightLimit
    else { throw .unsupported("\(nodeCount) nodes with \(targets) targets") }
    (features, thresholds) = (
      [Int64](repeating: 0, count: nodeCount), [Double](repeating: 0, count: nodeCount)
    )
    (yes, no) = ((0..<nodeCount).map { Int64($0) }, (0..<nodeCount).map { Int64($0) })
    weights = [Double](repeating: 0, count: nodeCount * targets)
    isStated = [Bool](repeating: false, count: nodeCount * targets)
    self.targets = targets
    self.function = function
  }

  mutating func branch(
    _ index: Int, _ mode: TreeMode, feature: Int, threshold: Double, yes: Int, no: Int
  ) throws(ImportFailure) {
    guard self.mode == nil || self.mode == mode else {
      throw .unsupported("nodes of modes \(mode.rawValue) and \(self.mode?.rawValue ?? "")")
    }
    guard yes != index, no != index else { throw .unsupported("node \(index) leads to itself") }
    self.mode = mode
    (features[index], thresholds[index]) = (Int64(feature), threshold)
    (self.yes[index], self.no[index]) = (Int64(yes), Int64(no))
  }

  mutating func add(_ weight: Double, target: Int, at index: Int) throws(ImportFailure) {
    guard (0..<targets).contains(target) else { throw .unsupported("target \(target) of \(targets)") }
    let place = index * targets + target
    switch function {
    case .minimum where isStated[place]: weights[place] = min(weights[place], weight)
    case .maximum where isStated[place]: weights[place] = max(weights[place], weight)
    default: weights[place] += weight
    }
    isStated[place] = true
  }

  /// The value of a leaf for a target that it leaves out, so that its tree says nothing of it: 0 in sums; nil
  /// if no leaf leaves one out.
  private var silence: Double? {
    let leavesOut = isStated.indices.contains { !isStated[$0] && yes[$0 / targets] == Int64($0 / targets) }
    guard leavesOut else { return nil }
    return switch function {
    case .minimum: .infinity
    case .maximum: -.infinity
    default: 0
    }
  }

  /// The steps from the roots to the deepest leaf.
  private func levelCount() throws(ImportFailure) -> Int {
    guard !roots.isEmpty else { throw .unsupported("it has no tree") }
    var level = roots
    var count = 0
    var visited = 0
    while true {
      let below = level.flatMap { index -> [Int] in
        yes[index] == Int64(index) ? [] : [Int(yes[index]), Int(no[index])]
      }
      if below.isEmpty { return count }
      count += 1
      visited += below.count
      guard count <= Self.levelLimit, visited <= 2 * features.count else {
        throw .unsupported("its nodes lead in circles, are shared, or are over \(Self.levelLimit) deep")
      }
      level = below
    }
  }

  /// The ensemble's value `[N, targets]` of the node's first input `[N, features]`.
  func emitted(_ n: NodeReader, base: [Double]) throws(ImportFailure) -> ValueID {
    var x = try n.input(0)
    guard n.shape(x).rank == 2 else { throw .unsupported("an input of shape \(n.shape(x)), must be [N, F]") }
    let (rows, width) = (n.shape(x)[0], n.shape(x)[1])
    guard features.allSatisfy({ (0..<Int64(width)).contains($0) }) else {
      throw .unsupported("a node asks for feature \(features.max() ?? 0) of \(width)")
    }
    guard base.isEmpty || base.count == targets else {
      throw .unsupported("\(base.count) base_values for \(targets) targets")
    }
    let levels = try levelCount()
    try n.context.countNodes(8 * levels)
    if !n.type(x).elementType.isFloatingPoint { x = try n.emit(Cast(to: .float32), x) }
    let element = n.type(x).elementType
    let count = features.count
    let tables = (
      feature: n.constant(Tensor(features, shape: [count])), yes: n.constant(Tensor(yes, shape: [count])),
      no: n.constant(Tensor(no, shape: [count])),
      threshold: n.constant(Tensor(TensorType(element, [count]), doubles: thresholds))
    )
    let start = n.constant(Tensor(roots.map { Int64($0) }, shape: [1, roots.count]))
    var place = try n.emit(Expand(shape: [rows, roots.count]), start)
    let look = Gather(axis: 0)
    for _ in 0..<levels {
      let value = try n.emit(GatherElements(axis: 1), x, try n.emit(look, tables.feature, place))
      let isTrue = try n.binary(
        mode?.function ?? .lessOrEqual, value, try n.emit(look, tables.threshold, place))
      place = try n.emit(
        Select(), isTrue, try n.emit(look, tables.yes, place), try n.emit(look, tables.no, place))
    }
    let silence = silence
    let stated = silence == nil ? weights : zip(weights, isStated).map { $1 ? $0 : silence ?? 0 }
    let table = n.constant(Tensor(TensorType(element, [count, targets]), doubles: stated))
    var result = try n.emit(
      Reduce(function, axes: [1], keepsAxes: false), try n.emit(look, table, place))
    if let silence, silence != 0 {
      guard weights.allSatisfy(\.isFinite) else {
        throw .unsupported("leaves of infinite weights that leave targets out")
      }
      // A target of which no tree says anything is 0.
      func whole(_ value: Double) -> ValueID {
        n.constant(
          Tensor(TensorType(element, [1, targets]), doubles: [Double](repeating: value, count: targets)))
      }
      result = try n.emit(Select(), try n.binary(.equal, result, whole(silence)), whole(0), result)
    }
    guard !base.isEmpty else { return result }
    return try n.binary(
      .add, result, n.constant(Tensor(TensorType(element, [1, targets]), doubles: base)))
  }
}

extension String {
  fileprivate var treeAggregation: ReduceFunction? {
    ["SUM": .sum, "AVERAGE": .mean, "MIN": .minimum, "MAX": .maximum][self]
  }
}

extension NodeReader {
  /// A list of numbers, as floats or, under the name with `_as_tensor`, as a tensor.
  fileprivate func numbers(_ name: String) throws(ImportFailure) -> [Double] {
    if let values = floats(name) { return values.map { Double($0) } }
    return try tensorNumbers("\(name)_as_tensor")
  }

  fileprivate func tensorNumbers(_ name: String) throws(ImportFailure) -> [Double] {
    switch node[attribute: name] {
    case .tensor(let tensor)?:
      do { return try tensor.tensor().doubles } catch { throw .unsupported("\(name): \(error)") }
    case nil: return []
    default: throw .unsupported("\(name) is not a tensor")
    }
  }

  fileprivate func refuseMissingValues() throws(ImportFailure) {
    guard (ints("nodes_missing_value_tracks_true") ?? []).allSatisfy({ $0 == 0 }) else {
      throw .unsupported("nodes_missing_value_tracks_true")
    }
  }
}
