import IRGraph
import IRONNX
import IRTensor

/// A file whose inputs have stated sizes. Names of open sizes play no part: some files name height and width
/// alike, others write -1.
struct BoundFile {
  let file: ONNXModel
  let path: String
  let ports: InputPorts

  /// The graph for a picture of these sides, as the file has its ports.
  func graph(height: Int, width: Int) throws(ONNXError) -> Graph {
    var shapes: [String: Shape] = [ports.image.name: ports.image.shape(height: height, width: width)]
    for picture in ports.pictures {
      shapes[picture.name] = picture.shape(
        height: picture.height ?? height, width: picture.width ?? width)
    }
    if case .input(let name) = ports.noise {
      shapes[name] =
        ports.noiseMap.map { $0.shape(height: $0.height ?? height, width: $0.width ?? width) }
        ?? ports.noiseShape
    }
    let bound = file.withInputShapes(shapes)
    return try ONNXImporter(bound, path: path).graph(binding: ONNXBinding(values: ports.held))
  }
}

extension ONNXModel {
  /// The model with these shapes declared for its inputs.
  package func withInputShapes(_ shapes: [String: Shape]) -> ONNXModel {
    var model = self
    for index in graph.inputs.indices {
      guard let shape = shapes[graph.inputs[index].name],
        case .tensor(let type, _) = graph.inputs[index].type
      else { continue }
      model.graph.inputs[index].type = .tensor(
        elementType: type, shape: shape.map { .fixed(Int64($0)) })
    }
    return model
  }
}
