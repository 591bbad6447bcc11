import CIRSystem
import Glibc
import IRFiles

/// Opens a regular path of names below an open directory, for reading, through no symbolic link. The kernel
/// resolves the whole path at once where it can; else it is walked name by name. Either way nothing can be
/// swapped between a check and its use.
/// - Returns: a descriptor, or -1 with `errno`: `ELOOP` at a link.
func openBeneath(_ directory: Int32, _ path: String) -> Int32 {
  let descriptor = ir_open_beneath(directory, FilePath(path).cString)
  return descriptor < 0 && errno == ENOSYS ? walkBeneath(directory, path) : descriptor
}

/// As `openBeneath`, for kernels without `openat2`.
func walkBeneath(_ directory: Int32, _ path: String) -> Int32 {
  let names = FilePath(path).bytes.split(separator: UInt8(ascii: "/")).map { FilePath(bytes: $0) }
  guard let last = names.last, !names.contains("..") else {
    errno = EXDEV
    return -1
  }
  var folder = dup(directory)
  defer { if folder >= 0 { close(folder) } }
  for name in names.dropLast() where folder >= 0 {
    let next = openat(folder, name.cString, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
    if next < 0, errno == ENOTDIR {
      var status = stat()
      let isLink =
        fstatat(folder, name.cString, &status, AT_SYMLINK_NOFOLLOW) == 0 && status.st_mode & S_IFMT == S_IFLNK
      errno = isLink ? ELOOP : ENOTDIR
    }
    let reason = errno
    close(folder)
    folder = next
    errno = reason
  }
  guard folder >= 0 else { return -1 }
  return openat(folder, last.cString, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK)
}

/// Opens `location` below the folder of a model that is itself a symbolic link into a folder of files, as
/// download caches keep them: where the location is a link too, it must lead below the folder of the model's
/// own file, through no further link.
/// - Returns: a descriptor, or -1 with `errno`: `ELOOP` where it leads elsewhere.
func openBesideLinked(model path: FilePath, folder: FilePath, location: String) -> Int32 {
  func resolved(_ path: FilePath) -> [UInt8]? {
    guard let pointer = realpath(path.cString, nil) else { return nil }
    defer { free(pointer) }
    return FilePath(pointer).bytes
  }
  guard path.isLink, let model = resolved(path), let slash = model.lastIndex(of: UInt8(ascii: "/")),
    let target = resolved(folder.joined(FilePath(location))),
    target.starts(with: model[...slash]), target.count > slash + 1
  else {
    errno = ELOOP
    return -1
  }
  let own = FilePath(bytes: model[..<max(slash, 1)])
  let directory = open(own.cString, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
  guard directory >= 0 else { return -1 }
  defer { close(directory) }
  return openBeneath(directory, FilePath(bytes: target[(slash + 1)...]).text)
}
