extension CompilerError: CustomStringConvertible {
  package var description: String {
    switch self {
    case .invalidGraph(let pass, let error): "pass \(pass) left an invalid graph: \(error)"
    case .doesNotTerminate(let pass, let patches):
      "pass \(pass) is still changing the graph after \(patches) patches"
    case .noRegionKernel(let node):
      "the region that ends in \(node) has no kernel, though it is within the limits of the kernel library"
    case .noKernel(let node, let name): "\(node) (\(name)): no kernel library has a kernel for it"
    }
  }
}
