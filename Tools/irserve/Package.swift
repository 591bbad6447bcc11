// swift-tools-version: 6.2
import PackageDescription

// A package of its own: the tools build without the server's dependencies.
let settings: [SwiftSetting] = [.swiftLanguageMode(.v6), .enableUpcomingFeature("ExistentialAny")]

let package = Package(
  name: "irserve",
  products: [
    .executable(name: "irserve", targets: ["irserve"]),
    // For the fuzz target, which is a package of its own too.
    .library(name: "IRRequests", targets: ["IRRequests"]),
  ],
  dependencies: [
    // Exact, since no Package.resolved is kept and releases are to be reproducible (docs/packaging.md).
    .package(name: "irkit", path: "../.."),
    .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
    .package(url: "https://github.com/apple/swift-http-types", exact: "1.8.0"),
    .package(url: "https://github.com/apple/swift-log", exact: "1.16.2"),
    .package(url: "https://github.com/apple/swift-metrics", exact: "2.13.0"),
    .package(url: "https://github.com/apple/swift-nio", exact: "2.101.2"),
    .package(url: "https://github.com/apple/swift-nio-extras", exact: "1.35.2"),
    .package(url: "https://github.com/apple/swift-nio-http2", exact: "1.46.0"),
    .package(url: "https://github.com/apple/swift-protobuf", exact: "1.39.0", traits: []),
    .package(url: "https://github.com/grpc/grpc-swift-2", exact: "2.4.3"),
    .package(url: "https://github.com/grpc/grpc-swift-nio-transport", exact: "2.9.2"),
    .package(url: "https://github.com/hummingbird-project/hummingbird", exact: "2.28.1", traits: []),
    .package(url: "https://github.com/swift-server/swift-service-lifecycle", exact: "2.13.0"),
  ],
  targets: [
    // Requests as they come from strangers, read: no server.
    .target(
      name: "IRRequests",
      dependencies: [
        .product(name: "ImageRestoration", package: "irkit"),
        .product(name: "IRInference", package: "irkit"),
        .product(name: "HTTPTypes", package: "swift-http-types"),
        .product(name: "SwiftProtobuf", package: "swift-protobuf"),
      ],
      exclude: ["inference.proto"],
      swiftSettings: settings),
    .target(
      name: "IRServing",
      dependencies: [
        "IRRequests",
        .product(name: "ImageRestoration", package: "irkit"),
        .product(name: "IRInference", package: "irkit"),
        .product(name: "HTTPTypes", package: "swift-http-types"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "Metrics", package: "swift-metrics"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOHPACK", package: "swift-nio-http2"),
        .product(name: "NIOHTTP2", package: "swift-nio-http2"),
        .product(name: "NIOHTTPTypes", package: "swift-nio-extras"),
        .product(name: "NIOPosix", package: "swift-nio"),
        .product(name: "GRPCCore", package: "grpc-swift-2"),
        // Of its products the one that brings no TLS library: a proxy speaks TLS.
        .product(name: "GRPCNIOTransportHTTP2TransportServices", package: "grpc-swift-nio-transport"),
        .product(name: "SwiftProtobuf", package: "swift-protobuf"),
        .product(name: "Hummingbird", package: "hummingbird"),
        .product(name: "HummingbirdCore", package: "hummingbird"),
        .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
      ],
      resources: [
        .embedInCode("Resources/openapi.json"), .embedInCode("Resources/page.html"),
        .embedInCode("Resources/page.css"), .embedInCode("Resources/server.js"),
        .embedInCode("Resources/shelf.js"), .embedInCode("Resources/queue.js"),
        .embedInCode("Resources/list.js"), .embedInCode("Resources/saving.js"),
        .embedInCode("Resources/compare.js"), .embedInCode("Resources/preview.js"),
        .embedInCode("Resources/files.js"),
      ],
      swiftSettings: settings),
    .executableTarget(
      name: "irserve",
      dependencies: [
        "IRServing", "IRRequests", .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      swiftSettings: settings),
    .testTarget(
      name: "IRServingTests", dependencies: ["IRServing", "IRRequests"], swiftSettings: settings),
  ]
)
