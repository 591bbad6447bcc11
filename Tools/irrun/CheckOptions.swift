import ArgumentParser
import IRBatch

extension Comparison: ExpressibleByArgument {}

/// Metrics, separated by commas.
struct MetricList: ExpressibleByArgument {
  var metrics: [Metric]

  init?(argument: String) {
    metrics = []
    for name in argument.split(separator: ",") {
      guard let metric = Metric(rawValue: String(name)) else { return nil }
      metrics.append(metric)
    }
  }
}

/// Measurements, checks and reports of each picture.
struct CheckOptions: ParsableArguments {
  @Option(
    name: .customLong("metrics"),
    help: ArgumentHelp("Print psnr, ssim or both against --reference.", valueName: "psnr,ssim"))
  var metricList: MetricList?

  @Option(
    help: ArgumentHelp(
      "The true image or tensors, or the folder of true ones of the same names.", valueName: "path"),
    completion: .file())
  var reference: String?

  @Option(help: "Also write a picture: side (input, output, reference), split (halves) or diff (times 4).")
  var compare: Comparison?

  @Flag(help: "Also run the reference interpreter and print the largest difference.")
  var verify = false

  @Flag(help: "Also restore in one piece and print the largest difference of the tiles.")
  var proveTiles = false

  @Flag(
    help: ArgumentHelp(
      "Do not write a picture with a warning, or one that loses what its input stated; exit with 4.",
      discussion:
        "Each result is compared with its input. A warning says that the picture, a region or the colours became "
        + "darker or brighter, that samples became black or white, that few levels are left, or that samples of "
        + "the input were not finite. Warnings go to the error stream, the picture's line says what the format "
        + "cannot carry over, and --json says both."))
  var strict = false

  @Flag(help: "Print the time of each kernel and of the slowest steps on the error stream.")
  var profile = false

  @Option(
    help: ArgumentHelp("Write what ran when, for Perfetto or Chrome's trace viewer.", valueName: "file"),
    completion: .file())
  var trace: String?

  @Flag(name: .shortAndLong, help: "Print on the error stream how each picture is restored.")
  var verbose = false

  @Flag(help: "Print a line of JSON per file, also for those that failed and those that were kept.")
  var json = false

  var metrics: [Metric] { metricList?.metrics ?? [] }
}
