// swift-tools-version: 6.2
import PackageDescription

// A package of its own: everything below is compiled again with the fuzzer's instrumentation, which the flags
// of Tools/fuzz ask for. They compile for testing as well, which opens the modules that no product hands out.
let settings: [SwiftSetting] = [.swiftLanguageMode(.v6), .unsafeFlags(["-parse-as-library"])]

func target(_ name: String, path: String) -> Target {
  .executableTarget(
    name: name, dependencies: ["FuzzDriver", .product(name: "ImageRestoration", package: "irkit")],
    path: path,
    swiftSettings: settings)
}

let package = Package(
  name: "irkit-fuzzing",
  // The server's fuzz target, a package of its own, uses the loop.
  products: [.library(name: "FuzzDriver", targets: ["FuzzDriver"])],
  dependencies: [.package(name: "irkit", path: "../..")],
  targets: [
    .target(name: "FuzzDriver", path: "driver", swiftSettings: settings),
    target("fuzz-model", path: "model"), target("fuzz-image", path: "image"),
    target("fuzz-statements", path: "statements"),
  ]
)
