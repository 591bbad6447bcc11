// The names are those of irkit.h.
// swift-format-ignore-file: AlwaysUseLowerCamelCase

import CIRKit
import IRFiles
import IRRestoration

final class CCatalogue: Sendable {
  let catalogue: ModelCatalogue
  let models: [(name: CText, path: CText)]
  let roles: [(role: CText, name: CText)]

  init(_ catalogue: ModelCatalogue) {
    self.catalogue = catalogue
    models = catalogue.models.sorted { $0.key < $1.key }.map { (CText($0.key), CText($0.value)) }
    roles = ModelCatalogue.roles.filter { catalogue.models[$0.value] != nil }.sorted { $0.key < $1.key }
      .map { (CText($0.key), CText($0.value)) }
  }
}

@c @implementation
public func irkit_catalogue_open(_ folder: UnsafePointer<CChar>?) -> OpaquePointer? {
  Handle.make(CCatalogue(.installed(first: folder.map { [FilePath($0).text] } ?? [])))
}

@c @implementation
public func irkit_catalogue_count(_ catalogue: OpaquePointer?) -> Int {
  Handle.object(catalogue, CCatalogue.self)?.models.count ?? 0
}

@c @implementation
public func irkit_catalogue_model(
  _ catalogue: OpaquePointer?, _ index: Int, _ name: UnsafeMutablePointer<UnsafePointer<CChar>?>?,
  _ path: UnsafeMutablePointer<UnsafePointer<CChar>?>?
) -> irkit_status {
  name?.pointee = nil
  path?.pointee = nil
  guard let models = Handle.object(catalogue, CCatalogue.self)?.models, models.indices.contains(index) else {
    return IRKIT_INVALID_ARGUMENT
  }
  name?.pointee = models[index].name.pointer
  path?.pointee = models[index].path.pointer
  return IRKIT_OK
}

@c @implementation
public func irkit_catalogue_role_count(_ catalogue: OpaquePointer?) -> Int {
  Handle.object(catalogue, CCatalogue.self)?.roles.count ?? 0
}

@c @implementation
public func irkit_catalogue_role(
  _ catalogue: OpaquePointer?, _ index: Int, _ role: UnsafeMutablePointer<UnsafePointer<CChar>?>?,
  _ name: UnsafeMutablePointer<UnsafePointer<CChar>?>?
) -> irkit_status {
  role?.pointee = nil
  name?.pointee = nil
  guard let roles = Handle.object(catalogue, CCatalogue.self)?.roles, roles.indices.contains(index) else {
    return IRKIT_INVALID_ARGUMENT
  }
  role?.pointee = roles[index].role.pointer
  name?.pointee = roles[index].name.pointer
  return IRKIT_OK
}

@c @implementation
public func irkit_catalogue_find(
  _ catalogue: OpaquePointer?, _ name: UnsafePointer<CChar>?,
  _ path: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?, _ error: ErrorText?
) -> irkit_status {
  path?.pointee = nil
  return reporting(error) {
    guard let catalogue = Handle.object(catalogue, CCatalogue.self), let name, let path else {
      throw ArgumentError("there is no catalogue, no name, or no place for the path")
    }
    path.pointee = copyOfText(try catalogue.catalogue.path(of: FilePath(name).text))
  }
}

@c @implementation
public func irkit_catalogue_close(_ catalogue: OpaquePointer?) { Handle.release(catalogue, CCatalogue.self) }
