extension PipelineError: CustomStringConvertible {
  package var description: String {
    switch self {
    case .file(let path, let reason): "\(path): \(reason)"
    case .foreign(let name, let path):
      "\(path): not of the pipeline \(name) that was released with this version (its SHA-256 differs); "
        + "state the folder's path to use it all the same"
    case .notRestoring(let folder, let detail): "\(folder) cannot restore: \(detail)"
    case .part(let path, let detail): "\(path): \(detail)"
    case .picture(let detail), .settings(let detail): detail
    case .search(let detail): "the search: \(detail)"
    case .recipe(let detail): "the recipe: \(detail)"
    }
  }
}
