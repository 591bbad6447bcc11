import CSystem
import Glibc

/// Opens a regular path of names below an open directory, for reading, through no symbolic link. The kernel
/// resolves the whole path at once where it can; else it is walked name by name. Either way nothing can be
/// swapped between a check and its use.
/// - Returns: a descriptor, or -1 with `errno`: `ELOOP` at a link.
func openBeneath(_ directory: Int32, _ path: String) -> Int32 {
  let descriptor = ir_open_beneath(directory, path)
  return descriptor < 0 && errno == ENOSYS ? walkBeneath(directory, path) : descriptor
}

/// As `openBeneath`, for kernels without `openat2`.
func walkBeneath(_ directory: Int32, _ path: String) -> Int32 {
  let names = path.split(separator: "/").map(String.init)
  guard let last = names.last, !names.contains("..") else {
    errno = EXDEV
    return -1
  }
  var folder = dup(directory)
  defer { if folder >= 0 { close(folder) } }
  for name in names.dropLast() where folder >= 0 {
    let next = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
    if next < 0, errno == ENOTDIR {
      var status = stat()
      let isLink =
        fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) == 0 && status.st_mode & S_IFMT == S_IFLNK
      errno = isLink ? ELOOP : ENOTDIR
    }
    let reason = errno
    close(folder)
    folder = next
    errno = reason
  }
  guard folder >= 0 else { return -1 }
  return openat(folder, last, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK)
}
