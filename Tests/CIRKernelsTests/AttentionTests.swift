import CIRKernels
import CIROperators
import IRTestSupport
import Testing

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

extension KernelTests {
  /// Attention of tokens, or of windows where these have a side.
  struct AttentionCase: Sendable {
    var images = 1
    var heads = 1
    var queries = 0
    var keys = 0
    var size: Int
    var valueSize: Int
    var picture = (height: 0, width: 0)
    var window = (height: 0, width: 0)
    var offset = (y: 0, x: 0)
    /// Which of batch and head each term differs for.
    var terms: [(batch: Bool, head: Bool)] = []
    /// Channels around those of the heads.
    var slack = 0
    /// So many first keys have a score of -infinity for every third query.
    var maskedKeys = 0

    var params: ir_attention_params {
      var p = ir_attention_params()
      let hasWindows = window.height > 0
      (p.images, p.heads, p.size, p.value_size, p.scale) = (images, heads, size, valueSize, 0.7)
      p.queries = hasWindows ? window.height * window.width : queries
      p.keys = hasWindows ? p.queries : keys
      (p.height, p.width) = (picture.height, picture.width)
      (p.window_height, p.window_width) = (window.height, window.width)
      (p.offset_y, p.offset_x) = (offset.y, offset.x)
      p.query = ir_attention_operand(channels: heads * size + slack, first: slack)
      p.key = ir_attention_operand(channels: heads * size + 2 * slack, first: slack)
      p.value = ir_attention_operand(channels: heads * valueSize + slack, first: 0)
      p.term_count = terms.count
      let matrix = p.keys * p.queries
      assign(
        &p.terms,
        terms.map { term in
          ir_attention_term(
            batch_stride: term.batch ? (term.head ? heads : 1) * matrix : 0,
            head_stride: term.head ? matrix : 0)
        })
      return p
    }

    var batch: Int {
      guard window.height > 0 else { return images }
      return images * (picture.height / window.height) * (picture.width / window.width)
    }

    /// Tokens, or pixels, of all images.
    func count(_ tokens: Int) -> Int {
      images * (window.height > 0 ? picture.height * picture.width : tokens)
    }

    /// The offset of a token's channel in a tensor with so many channels.
    func place(_ batch: Int, _ token: Int, of tokens: Int, _ channel: Int, _ channels: Int) -> Int {
      guard window.height > 0 else { return (batch * tokens + token) * channels + channel }
      let across = picture.width / window.width
      let windows = across * (picture.height / window.height)
      let (image, inside) = (batch / windows, batch % windows)
      let y = (inside / across * window.height + token / window.width + offset.y) % picture.height
      let x = (inside % across * window.width + token % window.width + offset.x) % picture.width
      return ((image * channels + channel) * picture.height + y) * picture.width + x
    }
  }

  static let attentions: [AttentionCase] =
    [1, 2, 7, 15, 16, 17, 31, 33, 65].map {
      AttentionCase(images: 2, heads: 3, queries: $0, keys: 66 - $0, size: 5, valueSize: 3, slack: 4)
    } + [
      AttentionCase(queries: 300, keys: 5, size: 9, valueSize: 17, terms: [(true, true)]),
      AttentionCase(
        images: 2, heads: 2, queries: 20, keys: 19, size: 8, valueSize: 8,
        terms: [(false, true), (true, false)]),
      AttentionCase(heads: 1, queries: 40, keys: 700, size: 64, valueSize: 64),
      // Keys in several parts, of which the first has nothing to say to some queries.
      AttentionCase(
        images: 2, heads: 2, queries: 37, keys: 1100, size: 9, valueSize: 7, terms: [(true, false)],
        maskedKeys: 600),
      AttentionCase(
        heads: 1, size: 4, valueSize: 3, picture: (20, 30), window: (20, 30), terms: [(true, true)]),
      AttentionCase(images: 2, heads: 1, queries: 150, keys: 90, size: 12, valueSize: 20),
      AttentionCase(
        images: 2, heads: 2, size: 10, valueSize: 10, picture: (16, 24), window: (8, 8), offset: (4, 4),
        terms: [(false, true), (true, false)], slack: 6),
      AttentionCase(heads: 3, size: 4, valueSize: 6, picture: (14, 21), window: (7, 7), offset: (3, 20)),
      AttentionCase(heads: 1, size: 3, valueSize: 2, picture: (4, 90), window: (2, 5), terms: [(true, true)]),
      AttentionCase(heads: 2, size: 1, valueSize: 1, picture: (1, 40), window: (1, 40), offset: (0, 39)),
      // Long rows of windows, of which a task takes some.
      AttentionCase(heads: 1, size: 2, valueSize: 2, picture: (32, 272), window: (8, 8), offset: (4, 4)),
    ]

  @Test(arguments: attentions.indices, [false, true])
  func attention(_ index: Int, isBFloat16: Bool) {
    let test = Self.attentions[index]
    var p = test.params
    p.is_bfloat16 = isBFloat16
    let query = Guarded(values(test.count(p.queries) * p.query.channels).map { $0 * 3 })
    let key = Guarded(values(test.count(p.keys) * p.key.channels, seed: 2))
    let value = Guarded(values(test.count(p.keys) * p.value.channels, seed: 3))
    let terms = test.terms.enumerated().map { position, term in
      let matrices = (term.batch ? test.batch : 1) * (term.head ? test.heads : 1)
      let numbers = values(matrices * p.keys * p.queries, seed: UInt64(4 + position)).map { $0 * 4 }
      return Guarded(
        numbers.enumerated().map { index, number in
          let (key, query) = (index / p.queries % p.keys, index % p.queries)
          return key < test.maskedKeys && query % 3 == 0 ? -.infinity : number
        })
    }
    // Queries are rounded when they are scaled, weights before they are divided by their sum.
    let scaled = isBFloat16 ? query.elements.map { $0 * p.scale } : query.elements
    let queries = Self.operands(scaled, isBFloat16)
    let keys = Self.operands(key.elements, isBFloat16), numbers = Self.operands(value.elements, isBFloat16)
    let channels = test.heads * test.valueSize
    var expected = [Double](repeating: 0, count: test.count(p.queries) * channels)
    for batch in 0..<test.batch {
      for head in 0..<test.heads {
        for i in 0..<p.queries {
          let scores = (0..<p.keys).map { j -> Double in
            var sum = 0.0
            for d in (head * test.size)..<((head + 1) * test.size) {
              let a = test.place(batch, i, of: p.queries, p.query.first + d, p.query.channels)
              let b = test.place(batch, j, of: p.keys, p.key.first + d, p.key.channels)
              sum += queries[a] * keys[b]
            }
            if !isBFloat16 { sum *= Double(p.scale) }
            for (term, own) in zip(terms, test.terms) {
              let matrix =
                (own.batch ? batch : 0) * (own.head ? test.heads : 1) + (own.head ? head : 0)
              sum += Double(term.pointer[(matrix * p.keys + j) * p.queries + i])
            }
            return sum
          }
          let most = scores.max() ?? 0
          let weights = scores.map { exp($0 - most) }
          let total = weights.reduce(0, +)
          let factors = isBFloat16 ? Self.operands(weights.map { Float($0) }, true) : weights
          for e in 0..<test.valueSize {
            var sum = 0.0
            for j in 0..<p.keys {
              let place = test.place(
                batch, j, of: p.keys, p.value.first + head * test.valueSize + e, p.value.channels)
              sum += factors[j] * numbers[place]
            }
            expected[test.place(batch, i, of: p.queries, head * test.valueSize + e, channels)] = sum / total
          }
        }
      }
    }
    // A weight as near to one bfloat16 as to another may become either.
    let tolerance = isBFloat16 ? 2e-3 : 1e-5
    expectEverywhere(
      expected, tolerance: tolerance, "attention \(index), bfloat16 \(isBFloat16)"
    ) { threads in
      let output = Guarded<Float>(count: expected.count)
      let scratch = workspace(ir_attention_workspace(&p, threads))
      withExtendedLifetime(terms) {
        let pointers = terms.map { Optional(UnsafePointer($0.pointer)) }
        ir_attention(
          &p, query.pointer, key.pointer, value.pointer, pointers, output.pointer, scratch.pointer, threads)
      }
      return output.elements
    }
  }
}
