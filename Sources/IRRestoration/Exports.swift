// Who restores pictures also makes them, and chooses how programs run.
@_exported import IRPicture
@_exported import IRRestorers
@_exported import IRTensor

@_exported import enum IRRuntime.RuntimeError
@_exported import struct IRRuntime.RuntimeOptions
