import Foundation
import IRInference
import IRRequests
import IRServing
import Testing

@Suite struct MessageTests {
  @Test func binaryTensorsStandBehindTheJSON() throws {
    let json = """
      {"id": "7", "inputs": [
        {"name": "a", "shape": [2], "datatype": "INT16", "parameters": {"binary_data_size": 4}},
        {"name": "b", "shape": [2, 2], "datatype": "BOOL", "data": [[true, false], [false, 1]]},
        {"name": "c", "shape": [1], "datatype": "UINT8", "parameters": {"binary_data_size": 1}}]}
      """
    let body = Data(json.utf8) + Data([1, 2, 3, 4, 5])
    let (message, binary) = try InferenceMessage.read(body, headerLength: json.utf8.count)
    #expect(message.id == "7" && binary == [0: Data([1, 2, 3, 4]), 2: Data([5])])
    #expect(try Tensor(message.inputs[0], binary: binary[0]).inferenceNumbers == [513, 1027])
    #expect(try Tensor(message.inputs[1], binary: nil).inferenceNumbers == [1, 0, 0, 1])
    #expect(throws: ServingError.self) {
      try InferenceMessage.read(body.dropLast(), headerLength: json.utf8.count)
    }
    #expect(throws: ServingError.self) {
      try InferenceMessage.read(body + [6], headerLength: json.utf8.count)
    }
  }

  @Test func textsOfClientsAreShort() {
    #expect(RestoreRequest.shown("a text") == "a text")
    let accents = "e" + String(repeating: "\u{301}", count: 100_000)
    #expect(accents.count == 1 && RestoreRequest.shown(accents).utf8.count < 120)
  }

  @Test func messagesOfGRPCAreLookedAtBeforeTheyAreRead() throws {
    let names = Data([0x0a, 1, 0x6d, 0x12, 1, 0x31])
    let bytes = names + Data([0x2a, 3, 0x0a, 1, 0x61]) + Data([0x3a, 3, 7, 8, 9])
    let wire = try InferenceWire(bytes)
    #expect(wire.modelName == "m" && wire.modelVersion == "1" && wire.growingByteCount == bytes.count - 3)
    let (message, binary) = try InferenceMessage.read(message: bytes)
    #expect(message.inputs.map(\.name) == ["a"] && binary == [0: Data([7, 8, 9])])
    for wrong in [
      bytes.dropLast(), Data([0x2a]), Data([0x0b]),
      Data([0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]),
      Data(repeating: 0xff, count: 20), Data([[UInt8]](repeating: [0x2a, 0], count: 65).joined()),
    ] { #expect(throws: ServingError.self) { try InferenceWire(Data(wrong)) } }
  }

  @Test func picturesHaveTheirLengths() throws {
    let pictures = [Data([1, 2, 3]), Data(), Data(repeating: 7, count: 300)]
    let bytes = PictureTensor.bytes(pictures)
    #expect(Array(bytes.prefix(7)) == [3, 0, 0, 0, 1, 2, 3])
    #expect(try PictureTensor.pictures(bytes, count: 3) == pictures)
    for count in [2, 4, 0, -1, 65] {
      #expect(throws: ServingError.self) { try PictureTensor.pictures(bytes, count: count) }
    }
    #expect(throws: ServingError.self) { try PictureTensor.pictures(Data([255, 255, 255, 255]), count: 1) }
  }

  @Test func parametersAreChecked() throws {
    let wish = try RestoreRequest([
      ("strength", "0.25"), ("quality", "80"), ("depth", "uint16"), ("metadata", "strip-gps"),
    ])
    #expect(
      wish.strength == 0.25 && wish.quality == 80 && wish.depth == .uint16 && wish.metadata == .stripGPS)
    for wrong in [
      ("strength", "1.01"), ("strength", "inf"), ("strength", ""), ("quality", "101"), ("quality", "1e400"),
      ("depth", "8"),
      ("format", "gif"), ("metadata", "all"), ("icc", "p3"), ("job", "a b"), ("name", "x"),
    ] { #expect(throws: ServingError.self) { try RestoreRequest([wrong]) } }
  }

  @Test func originsAreOwnOrNot() {
    #expect(
      Gate.isOwn("http://localhost:8080", "localhost:8080") && Gate.isOwn("https://A.example", "a.example"))
    #expect(!Gate.isOwn("http://evil.example", "localhost:8080") && !Gate.isOwn("null", "localhost:8080"))
    #expect(!Gate.isOwn("http://localhost:8080", nil))
    // A site that was pointed to this machine names the host that it asks.
    #expect(!Gate.isOwn("http://evil.example:8080", "evil.example:8080", isLocal: true))
    for name in ["localhost", "127.0.0.1:8080", "[::1]:8080", "LOCALHOST:1"] {
      #expect(Gate.isOwn("http://\(name)", name, isLocal: true))
    }
    #expect(Gate.equals("abc", "abc") && !Gate.equals("abc", "abd") && !Gate.equals("abc", "ab"))
  }

  @Test func metricsAreInPrometheusFormat() {
    let metrics = Prometheus()
    metrics.makeCounter(label: "a_total", dimensions: [("route", "/x\"\\\n")]).increment(by: 2)
    let timer = metrics.makeTimer(label: "b.seconds", dimensions: [("m", "s")])
    for nanoseconds in [5_000_000, 20_000_000, 1_000_000_000_000] {
      timer.recordNanoseconds(Int64(nanoseconds))
    }
    metrics.gauge("c") { 4 }
    let text = metrics.text
    #expect(text.contains("# TYPE a_total counter\na_total{route=\"/x\\\"\\\\\\n\"} 2.0\n"))
    #expect(text.contains("b_seconds_bucket{m=\"s\",le=\"0.01\"} 1\n") && text.contains("le=\"0.025\"} 2\n"))
    #expect(
      text.contains("le=\"120.0\"} 2\n") && text.contains("le=\"+Inf\"} 3\n")
        && text.contains("b_seconds_count{m=\"s\"} 3\n"))
    #expect(text.contains("# TYPE c gauge\nc 4.0\n"))
  }

  /// Changed bytes make a refusal or a result, never a crash: 20,000 changes of a form and of a request.
  @Test func changedBytesNeverCrash() throws {
    var state: UInt64 = 1
    func random(_ count: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33) % count
    }
    let json = Data(
      """
      {"parameters":{"binary_data_output":true},"inputs":[{"name":"a","shape":[1,3,2,2],"datatype":"FP32","parameters":\
      {"binary_data_size":48}},{"name":"b","shape":[2],"datatype":"INT8","data":[[1],[2]]}],"outputs":[{"name":"c"}]}
      """.utf8)
    let request = json + Data(repeating: 1, count: 48)
    let form = Data(
      "--b\r\nContent-Disposition: form-data; name=\"a\"; filename=\"x\"\r\n\r\nabc\r\n--b\r\nContent-Disposition: form-data; name=c\r\n\r\n\r\n--b--"
        .utf8)
    var refused = 0
    for _ in 0..<10_000 {
      for (index, original) in [request, form].enumerated() {
        var bytes = original
        for _ in 0...random(6) {
          switch random(3) {
          case 0 where !bytes.isEmpty: bytes[random(bytes.count)] = UInt8(random(256))
          case 1 where !bytes.isEmpty: bytes.remove(at: random(bytes.count))
          default: bytes.insert(UInt8(random(256)), at: random(bytes.count + 1))
          }
        }
        if random(4) == 0 { bytes = Data(bytes.prefix(random(bytes.count + 1))) }
        do {
          if index == 0 {
            let (message, binary) = try InferenceMessage.read(bytes, headerLength: json.count)
            for (index, input) in message.inputs.enumerated() { _ = try Tensor(input, binary: binary[index]) }
          } else {
            _ = try Multipart.parts(of: bytes, boundary: "b")
          }
        } catch is ServingError { refused += 1 }
      }
    }
    #expect(refused > 1000 && refused < 20_000)
  }
}
