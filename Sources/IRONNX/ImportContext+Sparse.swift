import IRGraph
import IROperators
import IRTensor

extension ImportContext {
  /// A sparse tensor as a graph has it: its elements put into zeros, so that nothing of its size is
  /// allocated.
  func sparse(_ sparse: ONNXSparseTensor) throws(ONNXError) -> ValueID {
    let name = sparse.values.name
    func refuse(_ detail: String) -> ONNXError { .tensor(name: name, detail: detail) }
    let (values, indices) = (try sparse.values.tensor(), try sparse.indices.tensor())
    let shape = Shape(sparse.dims.map { Int(clamping: $0) })
    let count = values.elementCount
    guard Graph.holds(values.type.with(shape: shape)) else {
      throw refuse("dimensions \(sparse.dims) are not a shape")
    }
    guard values.shape.rank == 1, indices.elementType == .int64,
      indices.shape == [count] || indices.shape == [count, shape.rank]
    else { throw refuse("\(values.shape) values at places of \(indices.type) in \(shape)") }
    var places = indices.integers
    if indices.shape.rank == 2 {
      let (strides, coordinates) = (shape.strides, places)
      places = try (0..<count).map { index throws(ONNXError) in
        var place = 0
        for axis in shape.indices {
          let coordinate = coordinates[index * shape.rank + axis]
          guard (0..<Int64(shape[axis])).contains(coordinate) else {
            throw refuse("a value at \(coordinate) of an axis of \(shape[axis])")
          }
          place += Int(coordinate) * strides[axis]
        }
        return Int64(place)
      }
    }
    guard let total = shape.checkedElementCount, places.allSatisfy({ (0..<Int64(total)).contains($0) }) else {
      throw refuse("a value outside of \(shape)")
    }
    do throws(ImportFailure) {
      let zero = builder.constant(Tensor(TensorType(values.elementType, .scalar), doubles: [0]), name: name)
      let zeros = try emit(Expand(shape: [total]), [zero], name: name)[0]
      let own = builder.constant(values, name: name)
      let at = builder.constant(Tensor(places, shape: [count]), name: name)
      let flat = try emit(ScatterElements(axis: 0), [zeros, at, own], name: name)[0]
      return try emit(Reshape(shape: shape), [flat], name: name)[0]
    } catch {
      throw refuse("it cannot be stored densely")
    }
  }
}
