// swift-tools-version: 6.2
import PackageDescription

// A package of its own: everything below is compiled again with the fuzzer's instrumentation, which the flags
// of Tools/fuzz ask for, and libFuzzer brings the main functions.
func target(_ name: String, path: String) -> Target {
  .executableTarget(
    name: name, dependencies: [.product(name: "ImageRestoration", package: "irkit")], path: path,
    swiftSettings: [.swiftLanguageMode(.v6), .unsafeFlags(["-parse-as-library"])])
}

let package = Package(
  name: "irkit-fuzzing",
  dependencies: [.package(name: "irkit", path: "../..")],
  targets: [target("fuzz-model", path: "model"), target("fuzz-image", path: "image")]
)
