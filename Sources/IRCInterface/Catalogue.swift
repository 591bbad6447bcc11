// The names are those of irkit.h.
// swift-format-ignore-file: AlwaysUseLowerCamelCase

import CIRKit
import IRFiles
import IRRestoration

final class CCatalogue: Sendable {
  let catalogue: ModelCatalogue
  /// Names and paths.
  let models: [(CText, CText)]
  /// Roles and names.
  let roles: [(CText, CText)]

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
  _ catalogue: OpaquePointer?, _ index: Int, _ name: TextPlace?,
  _ path: TextPlace?
) -> irkit_status {
  give(Handle.object(catalogue, CCatalogue.self)?.models, at: index, to: name, path)
}

@c @implementation
public func irkit_catalogue_role_count(_ catalogue: OpaquePointer?) -> Int {
  Handle.object(catalogue, CCatalogue.self)?.roles.count ?? 0
}

@c @implementation
public func irkit_catalogue_role(
  _ catalogue: OpaquePointer?, _ index: Int, _ role: TextPlace?,
  _ name: TextPlace?
) -> irkit_status {
  give(Handle.object(catalogue, CCatalogue.self)?.roles, at: index, to: role, name)
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
