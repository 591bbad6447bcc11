import ArgumentParser
import Foundation
import IRCommandLine
import IRDegradation
import IRImage
import IRRuntime
import IRTraining
import ImageRestoration

/// The table of the papers: PSNR and SSIM per task.
struct Evaluate: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "eval",
    abstract: "Measures a model on test sets: PSNR and SSIM before and after restoration.",
    usage: """
      irtrain eval [options] MODEL --sets FOLDER ...
      irtrain eval [options] MODEL --pairs DEGRADED CLEAN
      """,
    discussion: """
      The photographs of --sets are degraded as irdegrade degrades them with the same seed; those of --pairs are used as \
      they are. PSNR and SSIM (uniform window of 7×7) are computed on RGB. --protocol selects the values: clamped (as \
      DaAIR and PromptIR publish), float (SymUNet) or 8bit (Restormer, NAFNet). For a network with routers (DaAIR), a \
      second table counts how often each expert was chosen for each task, and how often the choice was right.

      A model that takes a noise level is given the true one: σ of white noise, otherwise the root mean square of the \
      difference. --noise-level auto gives it the estimate of irrun, and a number gives it that level.

      --harm measures how much the model changes photographs that need little or no restoration: clean, noise of σ 2 \
      and 5, and JPEG of quality 85. It lists the rules that the model breaks: clean photographs keep 46 dB on average \
      and 40 dB each; no mean shifts by more than one 8-bit level; the others improve on average, and none loses more \
      than 0.3 dB.

      EXAMPLES
        irtrain eval my.onnx --sets photos --tasks noise15,noise25,noise50
        irtrain eval my.onnx --pairs low high --protocol 8bit --json
        irtrain eval my.onnx --sets photos --harm
      """)

  @Argument(help: .model, completion: .file())
  var model: String

  @Option(parsing: .upToNextOption, help: "Folders of clean photographs.", completion: .directory)
  var sets: [String] = []

  @Option(
    parsing: .upToNextOption, help: "Two folders: degraded and clean photographs with the same names.",
    completion: .directory)
  var pairs: [String] = []

  @Option(help: "Degradations of the clean photographs, separated by commas (irdegrade --help lists them).")
  var tasks = "noise15,noise25,noise50"

  @Option(help: "Seed of the degradations.")
  var seed: UInt64 = 1

  @Option(help: "Values that PSNR and SSIM compare.")
  var `protocol` = Values.clamped

  @Option(
    help: ArgumentHelp(
      "Noise level for models that take one: true (the default), auto (the default of --harm), or σ, 0 to 255.",
      valueName: "true|auto|σ"))
  var noiseLevel: StatedNoise?

  @Option(
    help: "Crop both pictures around the centre to a multiple of this many pixels (16 in all-in-one papers).")
  var cropMultiple = 1

  @Option(help: "Maximum number of pictures per set. (default: all)")
  var limit: Int?

  @OptionGroup var threads: ThreadOptions

  @OptionGroup var memory: MemoryOptions

  @Flag(help: "Measure how much the model changes photographs that need little or no restoration.")
  var harm = false

  @Flag(help: .json)
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

  private struct Report: Encodable {
    var model: String
    var metricProtocol: String
    var seed: UInt64
    var rows: [Row]
    var routers: RouterTable?
  }

  func validate() throws {
    guard !sets.isEmpty || !pairs.isEmpty else {
      throw ValidationError("no test set: name --sets or --pairs")
    }
    guard pairs.isEmpty || pairs.count == 2 else { throw ValidationError("--pairs takes two folders") }
    guard cropMultiple >= 1 else { throw ValidationError("--crop-multiple must be at least 1") }
    if let limit, limit < 1 { throw ValidationError("--limit is \(limit), must be at least 1") }
    guard !harm || !sets.isEmpty else { throw ValidationError("--harm needs --sets") }
    try checkTasks(tasks)
    if try TrainingTask.list(tasks).contains(where: { $0.source == .pairs }) {
      throw ValidationError("--tasks names pairs: eval measures pairs with --pairs only")
    }
  }

  func run() throws {
    let restorer = try Restorer(
      model: model,
      options: RuntimeOptions(threadCount: threads.count, memoryByteCount: memory.memory?.byteCount))
    guard noiseLevel == nil || restorer.takesNoiseLevel else {
      throw ValidationError("--noise-level is for models that take a noise level, which \(model) does not")
    }
    if harm { return try sayHarm(restorer) }
    let progress = ProgressLine()
    let metric = MetricProtocol(values: `protocol`.metric, cropMultiple: cropMultiple)
    var rows: [Row] = []
    var routers = RouterTable(restorer)
    for set in sets {
      let paths = Array(try ImageSet.images(in: set).prefix(limit ?? .max))
      for task in try TrainingTask.list(tasks) {
        guard let degradation = task.degradation else { continue }
        var row = Row(set: (set as NSString).lastPathComponent, task: task.name)
        routers?.begin(set: row.set, task)
        let begin = Date()
        for (index, path) in paths.enumerated() {
          let (input, clean, level) = try pair(path, degradation, restorer)
          try add(input, clean, level, restorer, metric, &row)
          try routers?.add(restorer, input)
          progress.show("\(row.set), \(row.task):", done: index + 1, of: paths.count, since: begin)
        }
        rows.append(row)
      }
    }
    if !pairs.isEmpty {
      let (low, high) = try ImageSet.pairs(pairs[0], pairs[1])
      var row = Row(set: (pairs[0] as NSString).lastPathComponent, task: "pairs")
      let begin = Date()
      for (index, (degraded, clean)) in zip(low, high).prefix(limit ?? .max).enumerated() {
        let (input, target) = (
          try ImageFile.read(degraded).with(channelCount: restorer.channelCount),
          try ImageFile.read(clean).with(channelCount: restorer.channelCount)
        )
        // Other sides are an error of the measures, which name both.
        let level = input.pixels.count == target.pixels.count ? input.noiseLevel(over: target) : 0
        try add(input, target, level, restorer, metric, &row)
        progress.show("pairs:", done: index + 1, of: min(low.count, limit ?? .max), since: begin)
      }
      rows.append(row)
    }
    progress.clear()
    try say(rows.map(Self.mean), sets.isEmpty ? nil : routers, metric)
  }

  /// A photograph, degraded and clean, and the noise level of the degraded one.
  private func pair(
    _ path: String, _ degradation: Degradation, _ restorer: Restorer
  ) throws -> (degraded: Image, clean: Image, noiseLevel: Double) {
    let photograph = try ImageFile.read(path).with(channelCount: restorer.channelCount)
    let stem = ((path as NSString).lastPathComponent as NSString).deletingPathExtension
    let own = Degradation.seed(seed, forFile: stem)
    let (degraded, clean) = degradation.pair(of: photograph, seed: own)
    return (degraded, clean, degradation.noiseLevel(seed: own) ?? degraded.noiseLevel(over: clean))
  }

  private func sayHarm(_ restorer: Restorer) throws {
    guard restorer.scale == 1 else {
      throw RestorationError.notARestorer(
        path: restorer.path, detail: "it enlarges by \(restorer.scale): --harm compares pictures of one size")
    }
    let paths = try sets.flatMap { Array(try ImageSet.images(in: $0).prefix(limit ?? .max)) }
    var table = HarmTable()
    let progress = ProgressLine()
    for task in HarmTable.tasks {
      table.begin(task)
      let degradation = try Degradation(task)
      let begin = Date()
      for (index, path) in paths.enumerated() {
        let (input, clean, level) = try pair(path, degradation, restorer)
        let name = (path as NSString).lastPathComponent
        try table.add(name, input: input, restored: try restored(input, level, restorer), clean: clean)
        progress.show("\(task):", done: index + 1, of: paths.count, since: begin)
      }
    }
    progress.clear()
    table.finish()
    guard json else {
      return Terminal.say((["\(model), seed \(seed)", ""] + table.lines).joined(separator: "\n"))
    }
    let report = HarmReport(model: model, seed: seed, rows: table.rows, complaints: table.complaints)
    try Terminal.say(json: report, isPretty: true)
  }

  private struct HarmReport: Encodable {
    var model: String
    var seed: UInt64
    var rows: [HarmTable.Row]
    var complaints: [String]
  }

  /// The picture restored as `--noise-level` says, `level` being the true one.
  private func restored(_ input: Image, _ level: Double, _ restorer: Restorer) throws -> Image {
    switch noiseLevel ?? (harm ? .estimate : .truth) {
    case .truth: try restorer.restore(input, noiseLevel: level)
    case .estimate: try restorer.restore(input)
    case .level(let stated): try restorer.restore(input, noiseLevel: stated)
    }
  }

  private func add(
    _ input: Image, _ clean: Image, _ level: Double, _ restorer: Restorer, _ metric: MetricProtocol,
    _ row: inout Row
  ) throws {
    let start = ContinuousClock.now
    let restored = try restored(input, level, restorer)
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

  private func say(_ rows: [Row], _ routers: RouterTable?, _ metric: MetricProtocol) throws {
    if json {
      let report = Report(
        model: model, metricProtocol: "\(metric)", seed: seed, rows: rows, routers: routers)
      return try Terminal.say(json: report, isPretty: true)
    }
    var table = TextTable(
      ["set", "task", "images", "input PSNR / SSIM", "restored PSNR / SSIM", "gain"],
      rows.map { [$0.set, $0.task, "\($0.images)"] + Self.cells($0) })
    if rows.count > 1 {
      var average = Row(set: "", task: "average")
      for row in rows {
        average.inputPSNR += row.inputPSNR / Double(rows.count)
        average.inputSSIM += row.inputSSIM / Double(rows.count)
        average.psnr += row.psnr / Double(rows.count)
        average.ssim += row.ssim / Double(rows.count)
      }
      table.rows.append(["", "average", ""] + Self.cells(average))
    }
    let title = "\(model), \(metric), SSIM \(SSIMVariant.uniform7.name), seed \(seed)"
    Terminal.say(([title, ""] + table.markdown + (routers?.lines ?? [])).joined(separator: "\n"))
  }

  private static func cells(_ row: Row) -> [String] {
    [
      String(format: "%.2f / %.4f", row.inputPSNR, row.inputSSIM),
      String(format: "%.2f / %.4f", row.psnr, row.ssim),
      String(format: "%+.2f dB", row.psnr - row.inputPSNR),
    ]
  }
}
