// swift-tools-version: 6.2
import PackageDescription

// A package of its own, compiled with the fuzzer's instrumentation by Tools/fuzz: the other fuzz targets
// build without the server's dependencies.
let package = Package(
  name: "irserve-fuzzing",
  dependencies: [
    .package(name: "irserve", path: ".."),
    .package(name: "irkit", path: "../../.."),
    .package(name: "irkit-fuzzing", path: "../../fuzzing"),
  ],
  targets: [
    .executableTarget(
      name: "fuzz-requests",
      dependencies: [
        .product(name: "FuzzDriver", package: "irkit-fuzzing"),
        .product(name: "IRInference", package: "irkit"),
        .product(name: "IRRequests", package: "irserve"),
      ], path: "requests",
      swiftSettings: [.swiftLanguageMode(.v6), .unsafeFlags(["-parse-as-library"])])
  ]
)
