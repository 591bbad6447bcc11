// Who runs models hands tensors over and reads errors.
@_exported import IRTensor

@_exported import enum IRONNX.ONNXError
@_exported import struct IRONNX.ONNXModel
@_exported import enum IRRuntime.RuntimeError
@_exported import struct IRRuntime.RuntimeOptions
