import IRTensor
import Synchronization

/// Weights in the order in which kernels read them, made once for each weight and each way of packing it.
///
/// Programs of one model for several sizes share one: they then hold the same memory, and only the first
/// packs. Weights are told apart by what they contain, since a compilation makes some of its own.
///
/// Weights that a file stores as float16 take twice their bytes when they are packed, and four times as much
/// again in Winograd's form. Where the program's would take more than `limit` as float32, its kernels pack
/// them at each run, each step's into its workspace, and nothing of them is kept here.
package final class PackedWeights: Sendable {
  /// Bytes of packed weights for which packing at each run costs little beside what it saves.
  package static let usualLimit = 64 << 20

  /// Bytes of float32 that weights stored as float16 may take.
  package let limit: Int

  private struct Key: Hashable {
    var digest: ContentDigest
    var packing: [Int]
  }

  private let known = Mutex<[Key: TensorStorage]>([:])

  package init(limit: Int = PackedWeights.usualLimit) { self.limit = limit }

  /// Bytes of everything packed.
  package var byteCount: Int { known.withLock { $0.values.reduce(0) { $0 + $1.byteCount } } }

  /// The float32 `tensor`, packed into `count` floats by `pack`. `packing` says in numbers what `pack` does:
  /// equal ones pack equally, on one instruction set.
  func storage(
    of tensor: Tensor, packing: [Int], count: Int,
    _ pack: (_ source: UnsafePointer<Float>, _ target: UnsafeMutablePointer<Float>) -> Void
  ) -> TensorStorage {
    let key = Key(
      digest: (tensor.halves ?? tensor).withUnsafeBytes { ContentDigest($0) },
      packing: packing + [count, tensor.byteCount])
    if let storage = known.withLock({ $0[key] }) { return storage }
    let storage = TensorStorage(byteCount: count * 4)
    tensor.withElements(as: Float.self) { source in
      if let start = source.baseAddress { pack(start, storage.pointer.assumingMemoryBound(to: Float.self)) }
    }
    known.withLock { $0[key] = storage }
    return storage
  }
}

/// 128 bits of some bytes: two independent sums of products, mixed. Equal for equal bytes; for others equal
/// by chance only.
struct ContentDigest: Hashable {
  private var a: UInt64 = 0x9E37_79B9_7F4A_7C15
  private var b: UInt64 = 0xC2B2_AE3D_27D4_EB4F

  init(_ bytes: UnsafeRawBufferPointer) {
    let words = bytes.count / 8
    // Four lanes, so that products are independent of each other.
    var (p, q, r, s) = (a, b, ~a, ~b)
    func mix(_ lane: inout UInt64, _ word: UInt64) {
      lane = (lane ^ word) &* 0xFF51_AFD7_ED55_8CCD
      lane ^= lane >> 29
    }
    var index = 0
    while index + 4 <= words {
      mix(&p, bytes.loadUnaligned(fromByteOffset: 8 * index, as: UInt64.self))
      mix(&q, bytes.loadUnaligned(fromByteOffset: 8 * index + 8, as: UInt64.self))
      mix(&r, bytes.loadUnaligned(fromByteOffset: 8 * index + 16, as: UInt64.self))
      mix(&s, bytes.loadUnaligned(fromByteOffset: 8 * index + 24, as: UInt64.self))
      index += 4
    }
    for position in (8 * index)..<bytes.count { mix(&p, UInt64(bytes[position]) &+ 1) }
    for lane in [q, r, s, UInt64(bytes.count)] {
      mix(&p, lane)
      b = (b &+ lane.byteSwapped) &* 0xC4CE_B9FE_1A85_EC53
      b ^= b >> 31
    }
    (a, b) = (p, b ^ p.byteSwapped)
  }
}
