import Glibc

/// A file written under a temporary name beside its place and renamed there when it is whole; removed
/// where it never is.
package final class AtomicFile {
  private let path: FilePath
  /// The place of the bytes until `replace`; another writer may write there by name.
  package let temporary: FilePath
  private let descriptor: Int32
  private var isInPlace = false

  /// Digits of base 36 that every number of 64 bits fits in.
  private static let digitCount = 13
  private static let mark = ".partial"
  /// Bytes of a name that file systems take.
  private static let nameLimit = 255
  /// Bytes of the file's own name in the temporary one, which people may read.
  private static let shownLimit = 80

  /// The temporary name ends in `suffix`, for writers that go by the extension.
  /// - Throws: `FileError` with the system's reason.
  package init(replacing path: FilePath, suffix: String = AtomicFile.mark) throws(FileError) {
    // Two dots and the digits beside the name and the suffix.
    let space = Self.nameLimit - 2 - Self.digitCount - suffix.utf8.count
    let name = path.name.start(byteCount: min(Self.shownLimit, space))
    var (descriptor, temporary) = (Int32(-1), path)
    for _ in 0..<16 {
      let digits = String(UInt64.random(in: 0 ... .max), radix: 36)
      let number = String(repeating: "0", count: Self.digitCount - digits.count) + digits
      temporary = path.folder.joined(FilePath(".").adding(name).adding(".\(number)\(suffix)"))
      UnfinishedFiles.add(temporary)
      descriptor = open(temporary.cString, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
      // Held while this process lives: who finds the name and no lock may take it away.
      if descriptor >= 0 { flock(descriptor, LOCK_EX | LOCK_NB); break }
      let reason = errno
      UnfinishedFiles.remove(temporary)
      guard reason == EEXIST else { throw FileError(path: path.text, reason: systemError(reason)) }
    }
    guard descriptor >= 0 else {
      throw FileError(path: path.text, reason: "no temporary name is free beside it")
    }
    self.path = path
    self.temporary = temporary
    self.descriptor = descriptor
  }

  deinit {
    close(descriptor)
    if !isInPlace { unlink(temporary.cString) }
    UnfinishedFiles.remove(temporary)
  }

  package func write(_ bytes: UnsafeRawBufferPointer) throws(FileError) {
    var rest = bytes
    while !rest.isEmpty {
      let count = Glibc.write(descriptor, rest.baseAddress, min(rest.count, 1 << 30))
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw FileError(path: path.text, reason: systemError()) }
      rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(count))
    }
  }

  package func write(_ bytes: [UInt8]) throws(FileError) {
    try bytes.span.bytes.withUnsafeBytes { (buffer) throws(FileError) in try write(buffer) }
  }

  /// Brings what was written to the disk.
  package func synchronize() throws(FileError) {
    guard fsync(descriptor) == 0 else { throw FileError(path: path.text, reason: systemError()) }
  }

  /// Takes away the permissions that are not among these, where the file is a new one.
  package func restrict(to permissions: mode_t) {
    var status = stat()
    if fstat(descriptor, &status) == 0 { fchmod(descriptor, status.st_mode & permissions & 0o777) }
  }

  /// Puts the file in its place. A file that was there hands on its permissions: what was private stays so.
  /// Its name is on the disk then, unless that is not asked for.
  package func replace(reachingDisk: Bool = true) throws(FileError) {
    if let status = path.status, status.st_mode & S_IFMT == S_IFREG {
      fchmod(descriptor, status.st_mode & 0o777)
    }
    guard rename(temporary.cString, path.cString) == 0 else {
      throw FileError(path: path.text, reason: systemError())
    }
    isInPlace = true
    if reachingDisk { settle() }
  }

  /// Puts the file at a path in the same folder, unless a file is there.
  /// - Returns: whether it is there now.
  package func place(at path: FilePath) throws(FileError) -> Bool {
    // A second name and the first one's end: no moment is between a look at the place and its use.
    if link(temporary.cString, path.cString) == 0 {
      unlink(temporary.cString)
    } else if errno == EEXIST {
      return false
    } else {
      // File systems without links have no such step.
      guard !path.exists else { return false }
      guard rename(temporary.cString, path.cString) == 0 else {
        throw FileError(path: path.text, reason: systemError())
      }
    }
    isInPlace = true
    settle()
    return true
  }

  /// Brings the new name to the disk.
  private func settle() {
    let folder = path.folder
    let descriptor = open((folder.isEmpty ? "." : folder).cString, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { return }
    fsync(descriptor)
    close(descriptor)
  }

  /// Whether a name has the form that this type gives to temporary files.
  private static func isTemporary(_ name: FilePath) -> Bool {
    let parts = name.bytes.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    // Nothing before the first dot, the name, the digits, the mark, and for some an extension.
    guard let mark = parts.lastIndex(where: { $0.elementsEqual(Self.mark.utf8.dropFirst()) }), mark >= 3,
      parts[0].isEmpty, parts.count - mark <= 2
    else { return false }
    let digits = parts[mark - 1]
    return digits.count == digitCount
      && digits.allSatisfy {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
          || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0)
      }
  }

  /// Removes from a folder what writers of this user that were killed have left; files that are being written
  /// stay, and so does every file whose name is not of the temporary form.
  package static func removeAbandoned(in folder: FilePath) {
    for name in (try? Folder.names(in: folder)) ?? [] {
      guard isTemporary(name) else { continue }
      let path = folder.joined(name).cString
      let descriptor = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK)
      guard descriptor >= 0 else { continue }
      var status = stat()
      if fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_uid == geteuid(),
        flock(descriptor, LOCK_EX | LOCK_NB) == 0
      {
        unlink(path)
      }
      close(descriptor)
    }
  }
}

/// The system's words for its last error.
package func systemError(_ number: Int32 = errno) -> String { String(cString: strerror(number)) }
