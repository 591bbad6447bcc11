import Foundation
import ImageRestoration

/// Any bytes as a picture, within limits that keep a run short.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzImage(_ start: UnsafePointer<UInt8>, _ count: Int) -> Int32 {
  var limits = ImageFile.Limits(byteCount: 32 << 20)
  limits.sideInPixels = 2048
  do {
    let image = try ImageFile.read(bytes: Data(bytes: start, count: count), name: "fuzz", limits: limits)
    precondition(image.pixels.count == image.width * image.height * image.channelCount)
    _ = image.metadata.withoutPosition().stripped()
  } catch {
    precondition(!error.description.isEmpty)
  }
  return 0
}
