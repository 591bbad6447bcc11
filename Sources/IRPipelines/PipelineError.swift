/// Errors of a folder of networks that should restore, and of a picture that it should restore.
package enum PipelineError: Error, Sendable {
  /// A file that is missing or cannot be read.
  case file(path: String, reason: String)
  /// A network of a pipeline that has the name of a released one and another content.
  case foreign(name: String, path: String)
  /// A pipeline that does something else, or that lacks something.
  case notRestoring(folder: String, detail: String)
  /// A part that gives something else than its place asks for.
  case part(path: String, detail: String)
  /// A picture that cannot be restored as asked.
  case picture(String)
  /// Settings that no restoration can have.
  case settings(String)
  /// A search that finds nothing.
  case search(String)
  /// A note of how a picture was made that says too little, or something else.
  case recipe(String)
}
