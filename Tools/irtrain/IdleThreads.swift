import IRCommandLine

/// Threads that a batch leaves without an image at the end of each step.
enum IdleThreads {
  /// Says how many they are, if there are any: `imagesAtOnce` of the batch's images are computed at the same
  /// time, each by a thread.
  static func complain(batch: Int, imagesAtOnce: Int) {
    let last = batch % imagesAtOnce
    guard last > 0 else { return }
    Terminal.complain(
      "a batch of \(batch) on \(imagesAtOnce) threads: \(imagesAtOnce - last) of them wait at the end of each step; "
        + "a batch of \(batch + imagesAtOnce - last) takes as long")
  }
}
