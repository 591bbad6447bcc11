import CIRSystem
import IRFiles
import Testing

/// The examples of FIPS 180-4 (NIST's "Examples with Intermediate Values"), and lengths around a block's.
@Test(arguments: [
  ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
  ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
  (
    "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
    "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
  ),
  (
    String(repeating: "a", count: 1_000_000),
    "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"
  ),
])
func digestsAreTheStandards(_ text: String, _ digest: String) {
  #expect(SHA256.hexadecimal(Array(text.utf8)) == digest)
  for size in [1, 63, 64, 65, 1000] where text.utf8.count < 1000 * size {
    var pieces = SHA256()
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
      pieces.update(rest.prefix(size))
      rest = rest.dropFirst(size)
    }
    #expect(pieces.finished() == digest, "in pieces of \(size)")
  }
}

/// Processors with instructions for it compute what others do.
@Test func blocksHaveTheSameDigestOnEveryProcessor() {
  let bytes = (0..<64 * 37).map { UInt8(truncatingIfNeeded: ($0 * 7919) >> 3) }
  var (fast, portable): ([UInt32], [UInt32]) = ((1...8).map { $0 }, (1...8).map { $0 })
  ir_sha256_blocks(&fast, bytes, 37)
  ir_sha256_blocks_portable(&portable, bytes, 37)
  #expect(fast == portable)
}
