import Foundation
import FuzzDriver
import ImageRestoration

/// Any bytes as a picture, within limits that keep a run short.
private func fuzzImage(_ start: UnsafePointer<UInt8>, _ count: Int) {
  var limits = ImageFile.Limits(byteCount: 32 << 20)
  limits.sideInPixels = 2048
  do {
    let bytes = Data(bytes: start, count: count)
    let image = try ImageFile.read(
      bytes: bytes, name: "fuzz", limits: limits, colours: count % 2 == 0 ? .keep : .srgb,
      salvages: count % 3 == 0)
    precondition(image.pixels.count == image.width * image.height * image.channelCount)
    _ = image.metadata.withoutPosition().stripped()
  } catch {
    precondition(!error.description.isEmpty)
  }
}

@_cdecl("fuzz_image_main")
public func main(_ count: Int32, _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?) -> Int32 {
  runFuzzer(count, arguments) {
    fuzzImage($0, $1)
    return 0
  }
}
