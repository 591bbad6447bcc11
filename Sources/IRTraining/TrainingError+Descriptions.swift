extension TrainingError: CustomStringConvertible {
  package var description: String {
    switch self {
    case .unsuitableModel(let path, let detail): "\(path): \(detail)"
    case .noParameters(let path): "\(path): there is nothing to train: no weight takes a gradient"
    case .model(let error): "\(error)"
    case .graph(let error): "\(error)"
    case .autodiff(let error): "\(error)"
    case .compiler(let error): "\(error)"
    case .runtime(let error): "\(error)"
    case .data(let detail): detail
    case .checkpoint(let path, let detail): "\(path): \(detail)"
    case .diverged(let step, let loss):
      "step \(step): the loss is \(loss): the run has diverged; try a lower --rate or --clip"
    }
  }
}
