/// libFuzzer's own loop, which calls `test` with one input after the other until its options say that it is
/// done. The package manager takes the program's `main` for itself, so that libFuzzer's cannot be linked.
public func runFuzzer(
  _ count: Int32, _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?,
  _ test: @convention(c) (UnsafePointer<UInt8>, Int) -> Int32
) -> Int32 {
  var (count, arguments) = (count, arguments)
  return runDriver(&count, &arguments, test)
}

@_silgen_name("LLVMFuzzerRunDriver")
private func runDriver(
  _ count: UnsafeMutablePointer<Int32>,
  _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?>,
  _ test: @convention(c) (UnsafePointer<UInt8>, Int) -> Int32
) -> Int32
