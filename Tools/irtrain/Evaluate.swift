import ArgumentParser
import Foundation
import IRDegradation
import IRImage
import IRRuntime
import IRTraining
import ImageRestoration

/// The table of the papers: PSNR and SSIM per task.
struct Evaluate: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "eval",
    abstract: "Measures a model on test sets: PSNR and SSIM of each task, before and after.",
    discussion: """
      Clean photographs (--sets) are degraded as irdegrade would do it with the same seed; --pairs takes two folders \
      as they are. PSNR and SSIM (uniform 7×7) are of RGB; --protocol says of which values: clamped (DaAIR, \
      PromptIR; the default), float (SymUNet), 8bit (Restormer, NAFNet). A network with routers (DaAIR) gets a second \
      table: which expert they chose for which task, and how often that was the task's own.

      --harm measures instead how much the model changes photographs of --sets that need nothing or little: clean, \
      noise of σ 2 and 5, JPEG of quality 85. It says which rules a restorer breaks that is to be harmless: clean \
      photographs come back at 46 dB on the mean and 40 each, no mean shifts by more than a level, the others become \
      better on the mean and none worse by more than 0.3 dB.
      """)

  @Argument(help: "A model file (.onnx), or the name of a model in Models.")
  var model: String

  @Option(parsing: .upToNextOption, help: "Folders of clean photographs.")
  var sets: [String] = []

  @Option(parsing: .upToNextOption, help: "Two folders, degraded and clean.")
  var pairs: [String] = []

  @Option(help: "Degradations of the clean photographs, separated by commas.")
  var tasks = "noise15,noise25,noise50"

  @Option(help: "The seed of the degradations.")
  var seed: UInt64 = 1

  @Option(help: "What values are compared: clamped, float, 8bit.")
  var `protocol` = Values.clamped

  @Option(help: "Centre-crop both pictures to a multiple of this many pixels (the all-in-one papers: 16).")
  var cropMultiple = 1

  @Option(help: "At most this many pictures of each set.")
  var limit: Int?

  @Option(
    name: [.customShort("j"), .customLong("threads")], help: "Threads; by default what the system allows.")
  var threads: Int?

  @Flag(help: "Measure what the model does to photographs that need nothing or little.")
  var harm = false

  @Flag(help: "Print JSON.")
  var json = false

  enum Values: String, ExpressibleByArgument, CaseIterable {
    case clamped, float
    case eightBit = "8bit"

    var metric: MetricProtocol.Values {
      switch self {
      case .clamped: .clampedFloat
      case .float: .float
      case .eightBit: .uint8
      }
    }
  }

  struct Row: Encodable {
    var set: String
    var task: String
    var images = 0
    var inputPSNR = 0.0
    var inputSSIM = 0.0
    var psnr = 0.0
    var ssim = 0.0
    var seconds = 0.0
  }

  private struct Table: Encodable {
    var model: String
    var metricProtocol: String
    var seed: UInt64
    var rows: [Row]
    var routers: RouterTable?
  }

  func validate() throws {
    guard !sets.isEmpty || !pairs.isEmpty else { throw ValidationError("name --sets or --pairs") }
    guard pairs.isEmpty || pairs.count == 2 else { throw ValidationError("--pairs takes two folders") }
    guard cropMultiple >= 1 else { throw ValidationError("--crop-multiple must be at least 1") }
    if let limit, limit < 1 { throw ValidationError("--limit is \(limit), must be at least 1") }
    if let threads, threads < 1 { throw ValidationError("--threads is \(threads), must be at least 1") }
    guard !harm || !sets.isEmpty else { throw ValidationError("--harm needs --sets") }
    try checkTasks(tasks)
    if try TrainingTask.list(tasks).contains(where: { $0.source == .pairs }) {
      throw ValidationError("--tasks names pairs: --pairs alone measures them")
    }
  }

  func run() throws { try withExitCodes(measure) }

  private func measure() throws {
    let restorer = try Restorer(
      model: model, options: RuntimeOptions(threadCount: threads ?? RuntimeOptions.defaultThreadCount))
    if harm { return print(try harmText(restorer)) }
    let metric = MetricProtocol(values: `protocol`.metric, cropMultiple: cropMultiple)
    var rows: [Row] = []
    var routers = RouterTable(restorer)
    for set in sets {
      let paths = Array(try ImageSet.images(in: set).prefix(limit ?? .max))
      for task in try TrainingTask.list(tasks) {
        guard let degradation = task.degradation else { continue }
        var row = Row(set: (set as NSString).lastPathComponent, task: task.name)
        routers?.begin(set: row.set, task)
        for (index, path) in paths.enumerated() {
          let (input, clean) = try pair(path, degradation, restorer)
          try add(input, clean, restorer, metric, &row)
          try routers?.add(restorer, input)
          show("\(row.task): \(index + 1)/\(paths.count)")
        }
        rows.append(row)
      }
    }
    if !pairs.isEmpty {
      let (low, high) = try ImageSet.pairs(pairs[0], pairs[1])
      var row = Row(set: (pairs[0] as NSString).lastPathComponent, task: "pairs")
      for (index, (degraded, clean)) in zip(low, high).prefix(limit ?? .max).enumerated() {
        try add(
          try ImageFile.read(degraded).with(channelCount: restorer.channelCount),
          try ImageFile.read(clean).with(channelCount: restorer.channelCount), restorer, metric, &row)
        show("pairs: \(index + 1)/\(low.count)")
      }
      rows.append(row)
    }
    show(nil)
    print(try text(rows.map(Self.mean), sets.isEmpty ? nil : routers, metric))
  }

  /// A photograph, degraded and clean.
  private func pair(
    _ path: String, _ degradation: Degradation, _ restorer: Restorer
  ) throws -> (degraded: Image, clean: Image) {
    let photograph = try ImageFile.read(path).with(channelCount: restorer.channelCount)
    let stem = ((path as NSString).lastPathComponent as NSString).deletingPathExtension
    return degradation.pair(of: photograph, seed: Degradation.seed(seed, forFile: stem))
  }

  private func harmText(_ restorer: Restorer) throws -> String {
    guard restorer.scale == 1 else {
      throw RestorationError.notARestorer(
        path: restorer.path, detail: "it enlarges by \(restorer.scale): --harm compares pictures of one size")
    }
    let paths = try sets.flatMap { Array(try ImageSet.images(in: $0).prefix(limit ?? .max)) }
    var table = HarmTable()
    for task in HarmTable.tasks {
      table.begin(task)
      let degradation = try Degradation(task)
      for (index, path) in paths.enumerated() {
        let (input, clean) = try pair(path, degradation, restorer)
        let name = (path as NSString).lastPathComponent
        try table.add(name, input: input, restored: try restorer.restore(input), clean: clean)
        show("\(task): \(index + 1)/\(paths.count)")
      }
    }
    show(nil)
    table.finish()
    guard json else {
      return (["\(model), seed \(seed)", ""] + table.lines).joined(separator: "\n")
    }
    return try encoded(HarmReport(model: model, seed: seed, rows: table.rows, complaints: table.complaints))
  }

  private struct HarmReport: Encodable {
    var model: String
    var seed: UInt64
    var rows: [HarmTable.Row]
    var complaints: [String]
  }

  private func encoded(_ value: some Encodable) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes, .prettyPrinted]
    return String(decoding: try encoder.encode(value), as: UTF8.self)
  }

  private func add(
    _ input: Image, _ clean: Image, _ restorer: Restorer, _ metric: MetricProtocol, _ row: inout Row
  ) throws {
    let start = ContinuousClock.now
    let restored = try restorer.restore(input)
    row.seconds += start.duration(to: .now).inSeconds
    row.images += 1
    // Equal pictures would make every mean infinite.
    row.inputPSNR += min(try psnr(input, clean, metric), 100)
    row.inputSSIM += try ssim(input, clean, metric)
    row.psnr += min(try psnr(restored, clean, metric), 100)
    row.ssim += try ssim(restored, clean, metric)
  }

  private static func mean(_ row: Row) -> Row {
    var row = row
    let count = Double(max(row.images, 1))
    row.inputPSNR /= count
    row.inputSSIM /= count
    row.psnr /= count
    row.ssim /= count
    return row
  }

  private func text(_ rows: [Row], _ routers: RouterTable?, _ metric: MetricProtocol) throws -> String {
    if json {
      return try encoded(
        Table(model: model, metricProtocol: "\(metric)", seed: seed, rows: rows, routers: routers))
    }
    var lines = [
      "\(model), \(metric), SSIM \(SSIMVariant.uniform7.name), seed \(seed)", "",
      "| set | task | images | input PSNR / SSIM | restored PSNR / SSIM | gain |",
      "|---|---|---|---|---|---|",
    ]
    for row in rows {
      lines.append(
        String(
          format: "| %@ | %@ | %d | %.2f / %.4f | %.2f / %.4f | %+.2f dB |", row.set, row.task, row.images,
          row.inputPSNR, row.inputSSIM, row.psnr, row.ssim, row.psnr - row.inputPSNR))
    }
    if rows.count > 1 {
      func average(_ key: KeyPath<Row, Double>) -> Double {
        rows.reduce(0) { $0 + $1[keyPath: key] } / Double(rows.count)
      }
      lines.append(
        String(
          format: "| | average | | %.2f / %.4f | %.2f / %.4f | %+.2f dB |", average(\.inputPSNR),
          average(\.inputSSIM), average(\.psnr), average(\.ssim), average(\.psnr) - average(\.inputPSNR)))
    }
    return (lines + (routers?.lines ?? [])).joined(separator: "\n")
  }

  private func show(_ text: String?) {
    guard isatty(STDERR_FILENO) == 1 else { return }
    FileHandle.standardError.write(Data(("\u{1B}[2K\r" + (text ?? "")).utf8))
  }
}
