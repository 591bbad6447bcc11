import NIOCore

/// Bytes that the system holds of a connection before it sends them.
///
/// Without a bound it takes megabytes at once, asks for more once a third of them is sent, and a slow reader
/// cannot be told from a silent one meanwhile.
enum UnsentBytes {
  private static let limit: SocketOptionValue = 1 << 16
  /// Linux' `TCP_NOTSENT_LOWAT`, of which no module of Swift's knows.
  private static let option = ChannelOptions.Types.SocketOption(level: .tcp, name: .init(rawValue: 25))

  /// Bounds those of a connection; one that is no connection of TCP stays as it is.
  static func bound(of channel: any Channel) {
    _ = channel.setOption(option, value: limit)
  }
}

extension TimeAmount {
  static func of(_ duration: Duration) -> TimeAmount { .nanoseconds(Int64(duration.seconds * 1e9)) }
}
