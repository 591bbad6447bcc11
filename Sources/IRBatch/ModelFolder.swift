import IRFiles

/// A folder of models, as the ncnn tools have them: `noise2_scale2.onnx`.
package enum ModelFolder {
  /// The path of the model that a name, a noise level and an upscaling factor leave.
  /// - Throws: `BatchError.usage` if they leave none or several.
  package static func model(in folder: String, name: String?, level: String?, scale: Int?) throws -> String {
    let files = ((try? Folder.names(in: FilePath(folder))) ?? []).filter { $0.suffix == "onnx" }.map(\.text)
    let found = files.filter { file in
      let stem = String(file.dropLast(5)).lowercased()
      func has(_ words: [String]) -> Bool {
        words.contains { word in
          stem.ranges(of: word).contains { range in
            range.upperBound == stem.endIndex || !stem[range.upperBound].isNumber
          }
        }
      }
      if let name, stem != name.lowercased() { return false }
      if let level, !has(["noise\(level)"]) { return false }
      if let scale, !has(["scale\(scale)", "x\(scale)"]), files.count > 1 { return false }
      return true
    }
    guard found.count == 1 else {
      let known = files.isEmpty ? "it holds no .onnx file" : "it holds \(files.joined(separator: ", "))"
      throw BatchError.usage("-m \(folder): -n and -s leave \(found.count) models; \(known)")
    }
    return "\(folder)/\(found[0])"
  }
}
