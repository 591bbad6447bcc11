import IRFiles

/// The version of irkit, for programs in other packages.
public enum LibraryVersion {
  /// As tools print it: `irkit 0.1.0`, and the commit where the sources are an archive of one.
  public static var text: String { Version.text }
  /// `0.1.0`
  public static var number: String { Version.number }
}
