/// The speed of a machine as the cost model assumes it. Only the cut of the work depends on it, and with that
/// the order of sums. A library of kernels fills it; until then rates are 1 and caches are empty.
package struct MachineModel: Sendable {
  /// Multiply-adds a second of all threads, with operands in the cache.
  package var multiplyAddRate = 1.0
  /// Elements a second of a pointwise step with operands in the cache.
  package var elementRate = 1.0
  /// Bytes a second to and from memory, and to and from the cache that all cores share.
  package var memoryRate = 1.0
  package var sharedCacheRate = 1.0
  package var sharedCacheByteCount = 0
  /// Bytes of a core's own cache for weights in use, and for the rolling rows that a step writes: those of
  /// the steps before are read as a stream.
  package var cacheByteCount = 1
  package var stepByteCount = 1
  /// Bytes a second of kept rows that windows read again from the shared cache, all threads.
  package var windowRate = 1.0
  /// A feature map of more bytes displaces others on its way from region to region. That is worth this share
  /// of the two regions' time, beside its transfers.
  package var displacingByteCount = 0
  package var displacementShare = 0.0
  /// Threads that work is cut for.
  package var threadCount = 1
  /// Threads that sums are cut for, whatever they run on: their rounding follows the cut.
  package var sumThreadCount = 1
  /// Multiply-adds of a plain convolution that Winograd's form does in the time of one.
  package var winogradGain = 1.0
  /// Multiply-adds of bfloat16 in the time of one of float32.
  package var bfloat16Gain = 1.0
  /// As winogradGain, of products of bfloat16.
  package var bfloat16WinogradGain = 1.0
  /// Seconds of a kernel's call, all threads calling.
  package var callSeconds = 0.0
  /// Floats of a vector, and of a cache line.
  package var lanes = 1
  package var lineFloats = 1
  /// Output channels that a product computes at once.
  package var panelRows = 1
  /// Rows of more columns are products of one panel of channels at a time.
  package var longRowColumns = 1
  /// Rows that a depthwise kernel computes at once.
  package var windowRows = 1

  package init() {}

  func transferSeconds(_ byteCount: Int) -> Double {
    Double(byteCount) / (byteCount > sharedCacheByteCount ? memoryRate : sharedCacheRate)
  }
}
