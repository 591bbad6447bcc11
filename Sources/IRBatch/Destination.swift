import IRFiles
import IRTensorFiles

/// The place for the outputs of a batch.
package struct Destination: Sendable {
  private enum Kind: Sendable {
    case stream
    case file(FilePath)
    case folder(FilePath)
    case template(OutputTemplate)
  }

  private let kind: Kind
  private let format: String?

  /// `output` as it was asked for: `-`, a template, a folder, or a file unless there may be several outputs.
  /// - Throws: `BatchError.usage` if it cannot hold them.
  package init(_ output: String, model: String, format: String?, hasSeveral: Bool) throws {
    self.format = format
    let path = FilePath(output)
    if path == Job.stream || path == "/dev/stdout" {
      guard !hasSeveral else {
        throw BatchError.usage("the standard output takes one picture: name a folder with -o")
      }
      kind = .stream
    } else if let template = OutputTemplate(output, model: model, format: format) {
      kind = .template(template)
    } else if hasSeveral || path.endsInSlash || path.isFolder == true {
      guard path.isFolder != false else {
        throw BatchError.usage("\(path) is a file, and several inputs need a folder")
      }
      kind = .folder(path)
    } else {
      kind = .file(path)
    }
  }

  /// The folder that holds all outputs.
  package var folder: FilePath {
    switch kind {
    case .stream: ""
    case .file(let path): path.folder
    case .folder(let path): path
    case .template(let template): template.folder
    }
  }

  /// Whether it is a folder whose content is this batch's.
  package var isFolder: Bool {
    switch kind {
    case .stream, .file: false
    case .folder, .template: true
    }
  }

  /// The output for an input of this path below its folder.
  package func path(for relative: FilePath) throws -> FilePath {
    switch kind {
    case .stream: return Job.stream
    case .file(let path): return path
    case .folder(let path):
      guard let format, !TensorFile.isTensorFile(relative.text) else { return path.joined(relative) }
      return path.joined(relative.stem.adding(".\(format)"))
    case .template(let template): return try template.path(for: relative)
    }
  }
}

/// An output path with places to fill in: `restored/{stem}_{model}.{ext}`. Folders of the input's tree go
/// before the first name with such a place. Two braces stand for one.
package struct OutputTemplate: Sendable {
  package let folder: FilePath
  private let names: FilePath
  private let model: FilePath
  private let format: String?

  private static let open = UInt8(ascii: "{"), close = UInt8(ascii: "}")

  /// Nil if the text has no places.
  package init?(_ text: String, model: String, format: String?) {
    let path = FilePath(text)
    guard let brace = path.bytes.firstIndex(of: Self.open) else { return nil }
    let start = path.bytes[..<brace].lastIndex(of: UInt8(ascii: "/")).map { $0 + 1 } ?? 0
    folder = FilePath(bytes: path.bytes[..<max(start - 1, min(start, 1))])
    names = FilePath(bytes: path.bytes[start...])
    self.model = FilePath(model).name.stem
    self.format = format
  }

  /// - Throws: `BatchError.usage` for an unknown place.
  package func path(for relative: FilePath) throws -> FilePath {
    let name = relative.name
    let values: [FilePath: FilePath] = [
      "stem": name.stem, "ext": FilePath(format ?? name.suffix), "name": name, "model": model,
    ]
    var result: FilePath = ""
    var rest = names.bytes[...]
    while let brace = rest.firstIndex(where: { $0 == Self.open || $0 == Self.close }) {
      result = result.adding(FilePath(bytes: rest[..<brace]))
      let next = brace + 1
      if next < rest.endIndex, rest[next] == rest[brace] {
        result = result.adding(FilePath(bytes: [rest[brace]]))
        rest = rest[(next + 1)...]
        continue
      }
      guard rest[brace] == Self.open, let close = rest[brace...].firstIndex(of: Self.close),
        let value = values[FilePath(bytes: rest[next..<close])]
      else {
        throw BatchError.usage(
          "the output \(names) has an unknown place: {stem}, {ext}, {name} and {model} are known, "
            + "{{ and }} are braces")
      }
      result = result.adding(value)
      rest = rest[(close + 1)...]
    }
    return folder.joined(relative.folder).joined(result.adding(FilePath(bytes: rest)))
  }
}
