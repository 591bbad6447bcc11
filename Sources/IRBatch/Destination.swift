import IRFiles
import IRTensorFiles

/// The place for the outputs of a batch.
package struct Destination: Sendable {
  private enum Kind: Sendable {
    case stream
    case file(String)
    case folder(String)
    case template(OutputTemplate)
  }

  private let kind: Kind
  private let format: String?

  /// `output` as it was asked for: `-`, a template, a folder, or a file unless there may be several outputs.
  /// - Throws: `BatchError.usage` if it cannot hold them.
  package init(_ output: String, model: String, format: String?, hasSeveral: Bool) throws {
    self.format = format
    if output == Job.stream {
      guard !hasSeveral else {
        throw BatchError.usage("the standard output takes one picture: name a folder with -o")
      }
      kind = .stream
    } else if let template = OutputTemplate(output, model: model, format: format) {
      kind = .template(template)
    } else if hasSeveral || output.hasSuffix("/") || InputList.isFolder(output) == true {
      guard InputList.isFolder(output) != false else {
        throw BatchError.usage("\(output) is a file, and several inputs need a folder")
      }
      kind = .folder(output)
    } else {
      kind = .file(output)
    }
  }

  /// The folder that holds all outputs.
  package var folder: String {
    switch kind {
    case .stream: ""
    case .file(let path): PathText.folder(path)
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
  package func path(for relative: String) throws -> String {
    switch kind {
    case .stream: return Job.stream
    case .file(let path): return path
    case .folder(let path):
      guard let format, !TensorFile.isTensorFile(relative) else { return InputList.joined(path, relative) }
      return InputList.joined(path, "\(PathText.stem(relative)).\(format)")
    case .template(let template): return try template.path(for: relative)
    }
  }
}

/// An output path with places to fill in: `restored/{stem}_{model}.{ext}`. Folders of the input's tree go
/// before the first name with such a place. Two braces stand for one.
package struct OutputTemplate: Sendable {
  package let folder: String
  private let names: String
  private let model: String
  private let format: String?

  /// Nil if the text has no places.
  package init?(_ text: String, model: String, format: String?) {
    guard text.contains("{") else { return nil }
    let parts = text.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
    let first = parts.firstIndex { $0.contains("{") } ?? 0
    folder = first == 1 && parts[0].isEmpty ? "/" : parts[..<first].joined(separator: "/")
    names = parts[first...].joined(separator: "/")
    self.model = PathText.stem(PathText.name(model))
    self.format = format
  }

  /// - Throws: `BatchError.usage` for an unknown place.
  package func path(for relative: String) throws -> String {
    let name = PathText.name(relative)
    let values = [
      "stem": PathText.stem(name), "ext": format ?? PathText.suffix(name), "name": name, "model": model,
    ]
    var result = ""
    var rest = names[...]
    while let brace = rest.firstIndex(where: { $0 == "{" || $0 == "}" }) {
      result += rest[..<brace]
      let next = rest.index(after: brace)
      if next < rest.endIndex, rest[next] == rest[brace] {
        result.append(rest[brace])
        rest = rest[rest.index(after: next)...]
        continue
      }
      guard rest[brace] == "{", let close = rest[brace...].firstIndex(of: "}"),
        let value = values[String(rest[next..<close])]
      else {
        throw BatchError.usage(
          "the output \(names) has an unknown place: {stem}, {ext}, {name} and {model} are known, "
            + "{{ and }} are braces")
      }
      result += value
      rest = rest[rest.index(after: close)...]
    }
    result += rest
    let tree = PathText.folder(relative)
    let above = [folder, tree].filter { !$0.isEmpty }.reduce("") {
      $0.isEmpty ? $1 : InputList.joined($0, $1)
    }
    return above.isEmpty ? result : InputList.joined(above, result)
  }
}
