import IRRestorers

/// A degradation as the routers of a model find it in a picture.
public struct RouterOpinion: Codable, Hashable, Sendable {
  /// The task of the model that such pictures need.
  public var task: String
  /// The mean of the routers' shares; those of all tasks add up to 1.
  public var share: Double
  /// Routers that find it the likeliest.
  public var votes: Int
}

extension Restorer {
  /// The opinions of the model's routers on a picture, the likeliest first, and how many routers there are.
  /// - Throws: `RestorationError.notARestorer` where the model has none, `.unsuitableImage` where it takes
  ///   another size only.
  public func opinions(of image: Image) throws -> (opinions: [RouterOpinion], routerCount: Int) {
    try requireRouters()
    guard let routing = try routing(of: image), routing.shape.rank == 3, routing.shape[0] > 0 else {
      throw RestorationError.notARestorer(path: path, detail: "its routing is not [N, learners, experts]")
    }
    let (learners, experts) = (routing.shape[1], routing.shape[2])
    let tasks = model.metadata.routedTasks
    let values = routing.doubles
    let opinions = (0..<experts).map { expert in
      let shares = (0..<learners).map { values[$0 * experts + expert] }
      let votes = (0..<learners).count { learner in
        let row = values[(learner * experts)..<((learner + 1) * experts)]
        return row.firstIndex(of: row.max() ?? 0) == row.startIndex + expert
      }
      return RouterOpinion(
        task: tasks.indices.contains(expert) ? tasks[expert] : "expert \(expert)",
        share: shares.reduce(0, +) / Double(max(learners, 1)), votes: votes)
    }
    return (opinions.sorted { $0.share > $1.share }, learners)
  }

  /// - Throws: `RestorationError.notARestorer` where the model has no routers.
  package func requireRouters() throws(RestorationError) {
    guard !model.metadata.hasRouting else { return }
    throw .notARestorer(
      path: path,
      detail: "it has no routers that say what is wrong with a picture: its file has no output "
        + "`\(RestorerMetadata.Key.routing)`")
  }

  /// Bytes that the routers' opinions on a picture of these sides take.
  func opinionByteCount(width: Int, height: Int) throws -> Int {
    try requireRouters()
    let program = try program(
      height: fixedSides.height ?? padded(height), width: fixedSides.width ?? padded(width),
      keepsOutputs: true)
    return Self.byteCount(of: program)
  }
}
