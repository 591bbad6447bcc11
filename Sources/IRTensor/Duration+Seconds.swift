extension Duration {
  /// The duration in seconds, for profiles and reports.
  package var inSeconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }
}
