/// Files that people take for a model, told by how they begin.
enum ForeignFile {
  /// The kind of file that the bytes are and a remedy; nil if the kind is not known here.
  static func advice(on bytes: UnsafeRawBufferPointer) -> String? {
    func starts(_ text: String, at offset: Int = 0) -> Bool {
      bytes.count >= offset + text.utf8.count && zip(bytes[offset...], text.utf8).allSatisfy { $0 == $1 }
    }
    func starts(_ numbers: [UInt8]) -> Bool { bytes.starts(with: numbers) }
    if starts("version https://git-lfs.github.com/spec/") {
      return "a Git LFS pointer: the model itself comes with `git lfs pull`"
    }
    if isPage(bytes) {
      return "a web page, not the file that it shows: take the link for downloading the file itself"
    }
    if starts("PK\u{3}\u{4}") {
      return contains("data.pkl", in: bytes)
        ? "weights of PyTorch without a network: `irexport NETWORK --weights FILE` writes a model of the networks that it "
          + "knows, torch.onnx.export of any other"
        : "a zip archive: unpack it first"
    }
    // Pickles of protocols 2 to 5.
    if bytes.count > 2, bytes[0] == 0x80, (2...5).contains(bytes[1]), bytes[2] != 0 {
      return
        "a Python pickle, as old files of PyTorch are: `irexport NETWORK --weights FILE` writes a model of the "
        + "networks that it knows"
    }
    if isSafetensors(bytes) {
      return
        "weights without a network (safetensors): `irexport NETWORK --weights FILE` writes a model of the networks "
        + "that it knows"
    }
    if starts("ORTM", at: 4) {
      return "a file of ONNX Runtime's own format (.ort): take the .onnx that it was made of"
    }
    if starts("TFL3", at: 4) { return "a TensorFlow Lite model: tf2onnx writes an ONNX file of it" }
    if starts("7767517\n") || starts("7767517\r") {
      return "a network of ncnn (.param): take the ONNX file that it was made of"
    }
    if starts("GGUF") { return "a GGUF file: take the ONNX file of the model" }
    if starts([0x89, 0x48, 0x44, 0x46]) {
      return "an HDF5 file, as Keras writes: tf2onnx writes an ONNX file of it"
    }
    if starts("<?xml") { return "an XML file, as of OpenVINO: take the ONNX file that it was made of" }
    return nil
  }

  private static func isPage(_ bytes: UnsafeRawBufferPointer) -> Bool {
    let start = String(decoding: bytes.prefix(256), as: UTF8.self).lowercased()
    let text = start.drop { $0.isWhitespace || $0 == "\u{FEFF}" }
    return text.hasPrefix("<!doctype html") || text.hasPrefix("<html")
  }

  /// A little-endian length and that many bytes of JSON.
  private static func isSafetensors(_ bytes: UnsafeRawBufferPointer) -> Bool {
    guard bytes.count > 9, bytes[8] == UInt8(ascii: "{") else { return false }
    let length = bytes.loadUnaligned(as: UInt64.self)
    return length >= 2 && length <= UInt64(bytes.count - 8)
  }

  /// Whether a name occurs among the first bytes, where archives have that of their first file.
  private static func contains(_ name: String, in bytes: UnsafeRawBufferPointer) -> Bool {
    let head = bytes.prefix(512)
    return head.indices.contains { head[$0...].starts(with: name.utf8) }
  }
}
