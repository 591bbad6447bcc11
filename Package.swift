// swift-tools-version: 6.2
import PackageDescription

// One row a target: what it may import is its dependency list, and Tools/scripts/check holds the
// sources to it (docs/architecture.md has the table in words).

let swift: [SwiftSetting] = [.swiftLanguageMode(.v6), .enableUpcomingFeature("ExistentialAny")]

/// OpenMP is used by one target only; Debian's runtime is LLVM's, named `omp5`.
let openMP: (c: [CSetting], link: [LinkerSetting]) = (
  [.unsafeFlags(["-fopenmp"])], [.linkedLibrary("omp5")]
)

/// clang stays at -O2 without this, and the kernels' bodies are written to be unrolled.
let optimizedC: [CSetting] = [.unsafeFlags(["-O3", "-ffp-contract=off", "-fno-math-errno"])]

let argumentParser: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")

func library(
  _ name: String, _ dependencies: [Target.Dependency] = [], path: String? = nil, exclude: [String] = [],
  sources: [String]? = nil, resources: [Resource] = []
) -> Target {
  .target(
    name: name, dependencies: dependencies, path: path, exclude: exclude, sources: sources,
    resources: resources,
    swiftSettings: swift)
}

/// The files beside the builders in Models: cards, statistics.
let modelCards = [
  "DaAIR/README.md", "DnCNN/README.md", "FFDNet/README.md", "LatentDiffusion/README.md", "MoCEIR/README.md",
  "MUSIQ/README.md", "NAFNet/README.md", "NIQE", "PromptIR/README.md", "Restormer/README.md",
  "SESymUNet/README.md", "SwinIR/README.md", "SymUNet/README.md", "UniRes/README.md", "SHA256SUMS",
]
/// The frozen networks, and all that lies around them.
let modelFiles = [
  "DaAIR/daair-s5.onnx", "SymUNet/symunet-denoise.onnx", "SymUNet/symunet-s.onnx", "SymUNet/symunet-s5.onnx",
]

let besideModelFiles = [
  "DaAIR/DaAIR.swift", "DaAIR/DaAIR+Experts.swift", "DaAIR/README.md", "DnCNN", "FFDNet", "LatentDiffusion",
  "Layers", "MoCEIR", "MUSIQ", "NAFNet", "NIQE", "Networks", "PromptIR", "Restormer", "SESymUNet", "SwinIR",
  "SymUNet/SymUNet.swift", "SymUNet/README.md", "UniRes", "SHA256SUMS",
]

func tool(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .executableTarget(
    name: name, dependencies: dependencies + [argumentParser], path: "Tools/\(name)", swiftSettings: swift)
}

func test(_ name: String, _ dependencies: [Target.Dependency], exclude: [String] = []) -> Target {
  .testTarget(name: name, dependencies: dependencies, exclude: exclude, swiftSettings: swift)
}

let package = Package(
  name: "irkit",
  products: [
    .library(name: "ImageRestoration", targets: ["ImageRestoration"]),
    .library(name: "RestorationModels", targets: ["RestorationModels"]),
    .library(name: "IRInference", targets: ["IRInference"]),
    .library(name: "irkit", type: .dynamic, targets: ["IRCInterface"]),
    .executable(name: "irrun", targets: ["irrun"]),
    .executable(name: "irdump", targets: ["irdump"]),
    .executable(name: "irexport", targets: ["irexport"]),
    .executable(name: "irtrain", targets: ["irtrain"]),
    .executable(name: "irdegrade", targets: ["irdegrade"]),
    .executable(name: "irquality", targets: ["irquality"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2")
  ],
  targets: [
    // C: kernels, drivers, and the module maps of system libraries.
    .target(name: "CIRKernels", exclude: ["isa", "body"], cSettings: optimizedC),
    .target(
      name: "CIROperators", dependencies: ["CIRKernels"], cSettings: optimizedC + openMP.c,
      linkerSettings: openMP.link),
    .systemLibrary(name: "CProtobufC", pkgConfig: "libprotobuf-c", providers: [.apt(["libprotobuf-c-dev"])]),
    .systemLibrary(name: "COpenBLAS", pkgConfig: "openblas", providers: [.apt(["libopenblas-dev"])]),
    // libvips' own flags name all that it is built of, and some that packages may not pass on; its headers
    // need GObject's.
    .systemLibrary(name: "CVips", pkgConfig: "gobject-2.0", providers: [.apt(["libvips-dev"])]),
    .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
    .systemLibrary(name: "CIRKit"),
    .target(name: "CIRSystem"),
    .target(name: "CONNXProto", dependencies: ["CProtobufC"], exclude: ["onnx.proto"]),

    // Swift, lowest layer first.
    library("IRFiles", ["CIRSystem"]),
    library("IRThreads"),
    library("IRTensor"),
    library("IRGraph", ["IRTensor"]),
    library("IROperators", ["IRGraph", "IRTensor"]),
    library("IRAutodiff", ["IROperators", "IRGraph", "IRTensor"]),
    library("IRRewriting", ["IROperators", "IRGraph", "IRTensor"]),
    library("IRLowering", ["IRRewriting", "IROperators", "IRGraph", "IRTensor"]),
    library("IRCompiler", ["IRLowering", "IRRewriting", "IRGraph", "IRTensor"]),
    library("IRRuntime", ["IRCompiler", "IROperators", "IRGraph", "IRTensor", "CIROperators", "CIRKernels"]),
    library("IRDrawing", ["IRCompiler", "IROperators", "IRGraph", "IRTensor"]),
    library("IRONNX", ["IROperators", "IRGraph", "IRTensor", "IRFiles", "CONNXProto", "CIRSystem"]),
    library("IRRestorers", ["IRONNX", "IROperators", "IRGraph", "IRTensor"]),
    library(
      "IRModels", ["IROperators", "IRGraph", "IRTensor"], path: "Models",
      exclude: modelCards + modelFiles + ["Resources", "UniRes/unires-s"]),
    library("IRPicture", ["IRTensor"]),
    library("IRImage", ["IRPicture", "IRTensor", "IRFiles", "CVips", "CZlib"]),
    library("IRDegradation", ["IRImage", "IRFiles", "IRTensor"]),
    library("IRVideo", ["IRPicture"]),
    library("IRQuality", ["IRImage", "IRTensorFiles", "IRTensor", "COpenBLAS"]),
    library("IRDiffusion", ["IROperators", "IRTensor"]),
    library("IRTensorFiles", ["IRTensor", "IRFiles", "CZlib"]),
    library(
      "IRPipelines",
      [
        "IRDiffusion", "IRModels", "IRQuality", "ImageRestoration", "IRImage", "IRTensorFiles", "IRONNX",
        "IRRuntime", "IRCompiler", "IROperators", "IRGraph", "IRTensor", "IRFiles", "CIRSystem",
      ]),
    library("IRInference", ["IRONNX", "IRRuntime", "IRCompiler", "IRGraph", "IRTensor"]),
    library(
      "IRRestoration",
      [
        "IRRestorers", "IRONNX", "IRRuntime", "IRCompiler", "IROperators", "IRGraph", "IRTensor", "IRPicture",
        "IRFiles", "CIRSystem",
      ],
      resources: [.embedInCode("SHA256SUMS")]),
    library("ImageRestoration", ["IRRestoration", "IRImage", "IRFiles"]),
    library(
      "RestorationModels", ["IRRestoration"], path: "Models", exclude: besideModelFiles,
      sources: ["Resources"],
      resources: modelFiles.map { .copy($0) }),
    library(
      "IRCInterface",
      [
        "CIRKit", "IRInference", "IRRestoration", "IRONNX", "IRRuntime", "IRCompiler", "IRGraph", "IRPicture",
        "IRTensor", "IRFiles",
      ]),

    library(
      "IRBatch",
      [
        "IRPipelines", "IRDiffusion", "ImageRestoration", "IRRestorers", "IRTensorFiles", "IRFiles",
        "IRThreads", "IRONNX", "IRRuntime", "IRCompiler", "IRGraph", "IRTensor",
      ]),

    library(
      "IRTraining",
      [
        "IRAutodiff", "IRRuntime", "IRCompiler", "IRRestorers", "IRONNX", "IRDegradation", "IRDiffusion",
        "IRImage", "IRTensorFiles", "IRThreads", "IROperators", "IRGraph", "IRTensor",
      ]),

    tool(
      "irtrain",
      [
        "IRCommandLine", "IRTraining", "IRDegradation", "IRModels", "IRDiffusion", "ImageRestoration",
        "IRRestorers", "IRRuntime", "IRCompiler", "IRTensorFiles", "IRFiles", "IRONNX", "IRImage", "IRGraph",
        "IRTensor",
      ]),
    tool(
      "irquality",
      [
        "IRCommandLine", "IRPipelines", "IRQuality", "ImageRestoration", "IRImage", "IRFiles",
        "IRTensorFiles", "IRRuntime",
      ]),
    tool("irdegrade", ["IRCommandLine", "IRDegradation", "IRImage", "IRFiles"]),
    library(
      "IRCommandLine", [argumentParser, "IRFiles", "IRImage", "IRRuntime", "IRCompiler", "IRTensor"],
      path: "Tools/IRCommandLine"),
    tool(
      "irrun",
      [
        "IRPipelines", "IRDiffusion", "IRBatch", "IRCommandLine", "ImageRestoration", "IRTensorFiles",
        "IRFiles", "IRRuntime", "IRCompiler", "IRVideo", "IRThreads",
      ]),
    tool(
      "irbench",
      [
        "IRCommandLine", "ImageRestoration", "IRRestorers", "IRTensorFiles", "IRFiles", "IRRuntime",
        "IRCompiler", "IRGraph", "IRONNX", "IRTensor",
      ]),
    tool(
      "irexport",
      [
        "IRCommandLine", "IRModels", "IRDiffusion", "IRRestorers", "IRONNX", "IRTensorFiles", "IRFiles",
        "IRRuntime", "IRCompiler",
        "IROperators", "IRGraph", "IRTensor",
      ]),
    tool(
      "irdump",
      [
        "IRPipelines", "IRCommandLine", "IRDrawing", "IRFiles", "IRTensor", "ImageRestoration", "IRRestorers",
        "IRRuntime", "IRONNX", "IRCompiler", "IRGraph",
      ]),
    .executableTarget(
      name: "irconformance",
      dependencies: [
        "IRONNX", "IRRuntime", "IRCompiler", "IROperators", "IRGraph", "IRTensor", argumentParser,
      ],
      path: "Tools/conformance", swiftSettings: swift),

    // Tests.
    test("IRFilesTests", ["IRFiles", "CIRSystem"]),
    test("IRThreadsTests", ["IRThreads"]),
    test("IRTensorTests", ["IRTensor"]),
    test("IRTensorFilesTests", ["IRTensorFiles", "IRTensor"]),
    test("IRGraphTests", ["IRGraph", "IROperators", "IRTensor"]),
    test("IROperatorsTests", ["IRTestSupport", "IROperators", "IRGraph", "IRTensor"]),
    .target(
      name: "IRTestSupport", dependencies: ["IROperators", "IRGraph", "IRTensor", "CIRKernels"],
      path: "Tests/IRTestSupport",
      swiftSettings: swift),
    test("IRAutodiffTests", ["IRTestSupport", "IRAutodiff", "IROperators", "IRGraph", "IRTensor"]),
    test(
      "IRRewritingTests",
      ["IRTestSupport", "IRRuntime", "IRCompiler", "IROperators", "IRGraph", "IRTensor"]),
    test(
      "IRLoweringTests",
      ["IRTestSupport", "IRRuntime", "IRCompiler", "IRLowering", "IROperators", "IRGraph", "IRTensor"]),
    test(
      "IRRuntimeTests",
      [
        "IRTestSupport", "IRRuntime", "IRCompiler", "IROperators", "IRGraph", "IRTensor", "CIROperators",
      ]),
    test(
      "IRONNXTests",
      [
        "IRTestSupport", "IRONNX", "IRTensorFiles", "IRCompiler", "IRRuntime", "IROperators", "IRGraph",
        "IRTensor",
      ], exclude: ["conformance.txt"]),
    test(
      "EndToEndTests",
      [
        "irrun", "irdump", "irexport", "irtrain", "irdegrade", "irbench", "irquality", "IRModels",
        "ImageRestoration", "IRTensorFiles", "IRDegradation", "IRImage", "IRFiles", "IRONNX", "IROperators",
        "IRGraph", "IRTensor",
      ]),
    test(
      "IRModelsTests",
      [
        "IRTestSupport", "IRModels", "IRONNX", "IRTensorFiles", "IRCompiler", "IRRuntime", "IROperators",
        "IRGraph", "IRTensor",
      ]),
    test(
      "IRDiffusionTests",
      [
        "IRTestSupport", "IRDiffusion", "IRModels", "IRTensorFiles", "IRCompiler", "IRRuntime", "IROperators",
        "IRGraph", "IRTensor",
      ]),
    test(
      "IRPipelinesTests",
      [
        "IRPipelines", "IRDiffusion", "IRModels", "IRQuality", "ImageRestoration", "IRImage", "IRFiles",
        "IRONNX", "IRTensorFiles", "IRRuntime", "IRGraph", "IRTensor",
      ]),
    test("IRQualityTests", ["IRQuality", "IRImage", "IRTensorFiles"]),
    test("IRDegradationTests", ["IRDegradation", "IRImage"]),
    test(
      "IRTrainingTests",
      [
        "IRTraining", "IRDegradation", "IRDiffusion", "IRModels", "IRRuntime", "IRONNX", "IRImage",
        "IROperators", "IRGraph", "IRTensor", "IRTensorFiles",
      ]),
    test("IRPictureTests", ["IRPicture"]),
    test("IRVideoTests", ["IRTestSupport", "IRVideo", "IRPicture"]),
    test("IRCommandLineTests", ["IRCommandLine"]),
    test(
      "IRBatchTests",
      [
        "IRTestSupport", "IRBatch", "ImageRestoration", "IRFiles", "IRONNX", "IROperators", "IRGraph",
        "IRTensor",
      ]),
    test("IRImageTests", ["IRImage", "IRTensor", "CVips"]),
    test(
      "ImageRestorationTests",
      [
        "IRTestSupport", "IRRestoration", "ImageRestoration", "RestorationModels", "IRRestorers", "IRImage",
        "IRONNX", "IRTensor", "IRFiles",
      ]),
    test(
      "IRInferenceTests",
      ["IRTestSupport", "IRInference", "IROperators", "IRGraph", "IRONNX", "IRRuntime", "IRTensor"]),
    // Those that choose instruction sets do so for their whole process: each runs in one of its own.
    test("CIRKernelsTests", ["CIRKernels", "CIROperators", "IRTestSupport"]),
    test(
      "IRProgramTests",
      [
        "IRTestSupport", "IRRuntime", "IRCompiler", "IRLowering", "IRAutodiff", "IROperators", "IRGraph",
        "IRTensor", "CIROperators", "CIRKernels",
      ]),
  ],
  cLanguageStandard: .gnu11
)
