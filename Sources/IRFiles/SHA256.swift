import Glibc

/// The digest of FIPS 180-4, by which files are recognised.
package struct SHA256: Sendable {
  private var state: [UInt32] = [
    0x6A09_E667, 0xBB67_AE85, 0x3C6E_F372, 0xA54F_F53A, 0x510E_527F, 0x9B05_688C, 0x1F83_D9AB, 0x5BE0_CD19,
  ]
  private var rest: [UInt8] = []
  private var byteCount: UInt64 = 0

  package init() {}

  /// The digest of bytes in hexadecimal.
  package static func hexadecimal(_ bytes: some Collection<UInt8>) -> String {
    var hash = SHA256()
    hash.update(bytes)
    return hash.finished()
  }

  /// The digest of a file's content in hexadecimal.
  /// - Throws: `FileError`.
  package static func hexadecimal(contentsOf path: String) throws(FileError) -> String {
    var hash = SHA256()
    try hash.update(contentsOf: path)
    return hash.finished()
  }

  package mutating func update(_ bytes: some Collection<UInt8>) {
    if bytes.withContiguousStorageIfAvailable({ update(UnsafeRawBufferPointer($0)) }) == nil {
      Array(bytes).withUnsafeBytes { update($0) }
    }
  }

  package mutating func update(_ bytes: UnsafeRawBufferPointer) {
    byteCount += UInt64(bytes.count)
    var start = 0
    if !rest.isEmpty {
      start = min(64 - rest.count, bytes.count)
      rest += bytes[..<start]
      guard rest.count == 64 else { return }
      rest.withUnsafeBytes { Self.digest($0, &state) }
      rest = []
    }
    let end = start + (bytes.count - start) / 64 * 64
    Self.digest(UnsafeRawBufferPointer(rebasing: bytes[start..<end]), &state)
    rest += bytes[end...]
  }

  /// Adds a file's content, read piece by piece.
  /// - Throws: `FileError`.
  package mutating func update(contentsOf path: String) throws(FileError) {
    let descriptor = try FilePath(path).opened()
    defer { close(descriptor) }
    var buffer = [UInt8](repeating: 0, count: 1 << 18)
    while true {
      let count = try buffer.read(from: descriptor, path)
      guard count > 0 else { return }
      buffer.withUnsafeBytes { update(UnsafeRawBufferPointer(rebasing: $0.prefix(count))) }
    }
  }

  /// Ends the text and returns its digest.
  package mutating func finished() -> String {
    let bitCount = byteCount &* 8
    let padding = [0x80] + [UInt8](repeating: 0, count: (119 - rest.count) % 64)
    update(padding + (0..<8).map { UInt8(truncatingIfNeeded: bitCount >> UInt64(56 - 8 * $0)) })
    return state.map { word in
      let digits = String(word, radix: 16)
      return String(repeating: "0", count: 8 - digits.count) + digits
    }.joined()
  }

  /// Takes in whole blocks of 64 bytes.
  private static func digest(_ bytes: UnsafeRawBufferPointer, _ state: inout [UInt32]) {
    func turned(_ x: UInt32, _ count: UInt32) -> UInt32 { x >> count | x << (32 - count) }
    constants.withUnsafeBufferPointer { constants in
      withUnsafeTemporaryAllocation(of: UInt32.self, capacity: 64) { schedule in
        for start in stride(from: 0, to: bytes.count, by: 64) {
          for index in 0..<16 {
            schedule[index] = UInt32(
              bigEndian: bytes.loadUnaligned(fromByteOffset: start + 4 * index, as: UInt32.self))
          }
          for index in 16..<64 {
            let (a, b) = (schedule[index - 15], schedule[index - 2])
            let s0 = turned(a, 7) ^ turned(a, 18) ^ (a >> 3)
            let s1 = turned(b, 17) ^ turned(b, 19) ^ (b >> 10)
            schedule[index] = schedule[index - 16] &+ s0 &+ schedule[index - 7] &+ s1
          }
          var (a, b, c, d) = (state[0], state[1], state[2], state[3])
          var (e, f, g, h) = (state[4], state[5], state[6], state[7])
          for index in 0..<64 {
            let s1 = turned(e, 6) ^ turned(e, 11) ^ turned(e, 25)
            let t1 = h &+ s1 &+ ((e & f) ^ (~e & g)) &+ constants[index] &+ schedule[index]
            let s0 = turned(a, 2) ^ turned(a, 13) ^ turned(a, 22)
            let t2 = s0 &+ ((a & b) ^ (a & c) ^ (b & c))
            (h, g, f, e, d, c, b, a) = (g, f, e, d &+ t1, c, b, a, t1 &+ t2)
          }
          (state[0], state[1], state[2], state[3]) = (
            state[0] &+ a, state[1] &+ b, state[2] &+ c, state[3] &+ d
          )
          (state[4], state[5], state[6], state[7]) = (
            state[4] &+ e, state[5] &+ f, state[6] &+ g, state[7] &+ h
          )
        }
      }
    }
  }

  /// The fractions of the cube roots of the first 64 primes.
  private static let constants: [UInt32] = [
    0x428A_2F98, 0x7137_4491, 0xB5C0_FBCF, 0xE9B5_DBA5, 0x3956_C25B, 0x59F1_11F1, 0x923F_82A4, 0xAB1C_5ED5,
    0xD807_AA98, 0x1283_5B01, 0x2431_85BE, 0x550C_7DC3, 0x72BE_5D74, 0x80DE_B1FE, 0x9BDC_06A7, 0xC19B_F174,
    0xE49B_69C1, 0xEFBE_4786, 0x0FC1_9DC6, 0x240C_A1CC, 0x2DE9_2C6F, 0x4A74_84AA, 0x5CB0_A9DC, 0x76F9_88DA,
    0x983E_5152, 0xA831_C66D, 0xB003_27C8, 0xBF59_7FC7, 0xC6E0_0BF3, 0xD5A7_9147, 0x06CA_6351, 0x1429_2967,
    0x27B7_0A85, 0x2E1B_2138, 0x4D2C_6DFC, 0x5338_0D13, 0x650A_7354, 0x766A_0ABB, 0x81C2_C92E, 0x9272_2C85,
    0xA2BF_E8A1, 0xA81A_664B, 0xC24B_8B70, 0xC76C_51A3, 0xD192_E819, 0xD699_0624, 0xF40E_3585, 0x106A_A070,
    0x19A4_C116, 0x1E37_6C08, 0x2748_774C, 0x34B0_BCB5, 0x391C_0CB3, 0x4ED8_AA4A, 0x5B9C_CA4F, 0x682E_6FF3,
    0x748F_82EE, 0x78A5_636F, 0x84C8_7814, 0x8CC7_0208, 0x90BE_FFFA, 0xA450_6CEB, 0xBEF9_A3F7, 0xC671_78F2,
  ]
}
