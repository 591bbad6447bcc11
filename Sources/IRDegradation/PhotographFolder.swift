import IRFiles
import IRImage

/// The photographs of a folder.
package enum PhotographFolder {
  /// The pictures of a folder and of those below it, in order of names; hidden ones are left out. Nil if
  /// there is no such folder.
  package static func pictures(in folder: String) -> [String]? {
    let folder = FilePath(folder)
    guard folder.isFolder == true else { return nil }
    return pictures(below: folder).map(\.text).sorted()
  }

  private static func pictures(below folder: FilePath) -> [FilePath] {
    ((try? Folder.names(in: folder)) ?? []).filter { !$0.isHidden }.flatMap { name -> [FilePath] in
      let path = folder.joined(name)
      // Links to folders are not followed: they may lead in circles.
      if path.isFolder == true { return path.isLink ? [] : pictures(below: path) }
      return ImageFile.writableExtensions.contains(name.suffix.lowercased()) ? [path] : []
    }
  }
}
