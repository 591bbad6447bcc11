/// Why a file of tensors cannot be read or written.
package enum TensorFileError: Error, Sendable {
  case file(path: String, reason: String)
  /// The bytes break the format; `detail` says where and how.
  case malformed(path: String, detail: String)
}
