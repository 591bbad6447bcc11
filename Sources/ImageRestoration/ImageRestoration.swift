@_exported import IRImage
@_exported import IRRestorers
@_exported import IRTensor
