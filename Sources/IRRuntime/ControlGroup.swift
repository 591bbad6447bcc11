import Glibc

/// The control groups that the process lies in.
enum ControlGroup {
  /// The folders of the process' own group of `controller` and of those around it, below each of `roots`;
  /// "" is version 2. A folder need not exist.
  static func folders(_ controller: String, under roots: [String]) -> [String] {
    let own =
      SystemFile.lines("/proc/self/cgroup").lazy.compactMap { line -> Substring? in
        let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
        guard fields.count == 3,
          fields[1].split(separator: ",").contains(Substring(controller))
            || (controller.isEmpty && fields[1].isEmpty)
        else { return nil }
        return fields[2]
      }.first ?? ""
    let names = own.split(separator: "/")
    return roots.flatMap { root in
      (0...names.count).map { ([root] + names.prefix($0).map(String.init)).joined(separator: "/") }
    }
  }
}

/// A short file of the system.
enum SystemFile {
  /// Its first 256 lines, each of at most 255 bytes; none where it cannot be read.
  static func lines(_ path: String) -> [String] {
    guard let file = fopen(path, "r") else { return [] }
    defer { fclose(file) }
    var result: [String] = []
    var buffer = [CChar](repeating: 0, count: 256)
    while result.count < 256, fgets(&buffer, 256, file) != nil {
      let text = String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
      result.append(String(text.split(separator: "\n").first ?? ""))
    }
    return result
  }
}
