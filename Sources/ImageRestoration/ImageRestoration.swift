@_exported import IRImage
@_exported import IRRestoration
