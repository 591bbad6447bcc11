import ArgumentParser
import Foundation
import IRTensorFiles
import ImageRestoration

/// One file to read and the file to write for it.
struct Job {
  var input: String
  var output: String
  var reference: String?
}

extension Job {
  /// What the command line asks for, in order.
  /// - Throws: `ValidationError` where inputs are missing, mixed, or would overwrite each other.
  static func list(inputs: [String], output: String, reference: String?) throws -> [Job] {
    var files: [(path: String, isFromFolder: Bool)] = []
    for input in inputs {
      guard let isFolder = folderStatus(input) else {
        throw ValidationError("\(input): no such file or folder")
      }
      guard isFolder else { files.append((input, false)); continue }
      let names = try FileManager.default.contentsOfDirectory(atPath: input).sorted().filter { name in
        let suffix = (name as NSString).pathExtension.lowercased()
        return !name.hasPrefix(".") && ImageFile.writableExtensions.contains(suffix)
      }
      guard !names.isEmpty else { throw ValidationError("\(input): no images in this folder") }
      files += names.map { (joined(input, $0), true) }
    }
    let isFolder =
      files.count > 1 || files.contains { $0.isFromFolder } || output.hasSuffix("/")
      || folderStatus(output) == true
    if isFolder, folderStatus(output) == false {
      throw ValidationError("\(output) is a file, and \(files.count) inputs need a folder")
    }
    let isReferenceFolder = reference.map { folderStatus($0) == true } ?? false
    if let reference, !isReferenceFolder, files.count > 1 {
      throw ValidationError("--reference \(reference) must be a folder, as there are \(files.count) inputs")
    }
    let jobs = files.map { file, _ in
      let name = (file as NSString).lastPathComponent
      return Job(
        input: file, output: isFolder ? joined(output, name) : output,
        reference: reference.map { isReferenceFolder ? joined($0, name) : $0 })
    }
    try check(jobs)
    if isFolder { try FileManager.default.createDirectory(atPath: output, withIntermediateDirectories: true) }
    return jobs
  }

  private static func check(_ jobs: [Job]) throws {
    var owner: [String: String] = [:]
    for job in jobs {
      if let other = owner.updateValue(job.input, forKey: job.output) {
        throw ValidationError("\(other) and \(job.input) would both be written to \(job.output)")
      }
      if URL(fileURLWithPath: job.input).resolvingSymlinksInPath()
        == URL(fileURLWithPath: job.output).resolvingSymlinksInPath()
      {
        throw ValidationError("\(job.output) would overwrite its input: choose another output")
      }
    }
    let tensorCount = jobs.count { TensorFile.isTensorFile($0.input) }
    guard tensorCount == 0 || tensorCount == jobs.count else {
      throw ValidationError("images and files of tensors cannot be mixed in one run")
    }
  }

  private static func joined(_ folder: String, _ name: String) -> String {
    folder.hasSuffix("/") ? folder + name : "\(folder)/\(name)"
  }

  /// True for a folder, false for another file, nil where nothing is.
  private static func folderStatus(_ path: String) -> Bool? {
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else { return nil }
    return isFolder.boolValue
  }
}
