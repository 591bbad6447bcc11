import Foundation
import IRInference
import IRRequests

extension InferenceAnswer {
  /// The answer as a message, its tensors raw.
  func message() -> Inference_ModelInferResponse {
    var message = Inference_ModelInferResponse()
    (message.modelName, message.modelVersion) = (model, InferenceModel.version)
    message.id = id ?? ""
    for (name, content, _) in outputs {
      var output = Inference_ModelInferResponse.InferOutputTensor()
      output.name = name
      switch content {
      case .tensor(let tensor):
        output.datatype = tensor.type.elementType.inferenceName
        output.shape = tensor.shape.extents.map { Int64($0) }
        message.rawOutputContents.append(tensor.inferenceBytes)
      case .pictures(let pictures):
        output.datatype = "BYTES"
        output.shape = [Int64(pictures.count)]
        message.rawOutputContents.append(PictureTensor.bytes(pictures))
      }
      message.outputs.append(output)
    }
    return message
  }
}
