import Foundation
import IRImage

/// The photographs of a folder.
package enum PhotographFolder {
  /// The pictures of a folder and of those below it, in order of names; hidden ones are left out. Nil if
  /// there is no such folder.
  package static func pictures(in folder: String) -> [String]? {
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: folder, isDirectory: &isFolder), isFolder.boolValue else {
      return nil
    }
    let found = (FileManager.default.enumerator(atPath: folder)?.compactMap { $0 as? String } ?? [])
      .filter { path in
        let isHidden = path.split(separator: "/").contains { $0.hasPrefix(".") }
        return !isHidden
          && ImageFile.writableExtensions.contains((path as NSString).pathExtension.lowercased())
      }
    return found.sorted().map { (folder as NSString).appendingPathComponent($0) }
  }
}
