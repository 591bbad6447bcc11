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

/// libFuzzer's own main; the package manager makes this symbol the program's.
@_silgen_name("LLVMFuzzerRunDriver")
private func runDriver(
  _ count: UnsafeMutablePointer<Int32>,
  _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?>,
  _ test: @convention(c) (UnsafePointer<UInt8>, Int) -> Int32
) -> Int32

@_cdecl("fuzz_image_main")
public func main(_ count: Int32, _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?) -> Int32 {
  var (count, arguments) = (count, arguments)
  return runDriver(&count, &arguments) { fuzzImage($0, $1) }
}
