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
    help: ArgumentHelp("Print PSNR, SSIM or both against --reference.", valueName: "psnr,ssim"))
  var metricList: MetricList?

  @Option(
    help: ArgumentHelp(
      "True picture or tensors, or a folder of them with the same names.", valueName: "path"),
    completion: .file())
  var reference: String?

  @Option(
    help:
      "Also write a comparison: input, output and reference side by side; split in halves; or their difference, times 4."
  )
  var compare: Comparison?

  @Flag(help: "Also run the reference interpreter, and print the largest difference.")
  var verify = false

  @Flag(help: "Also restore in one piece, and print the largest difference from the tiles.")
  var proveTiles = false

  @Flag(
    help: ArgumentHelp(
      "Do not write a result with a warning or with lost metadata; exit with 4.",
      discussion:
        "Each result is compared with its input. irrun warns if the picture, a region or a colour became darker or "
        + "brighter, if samples became black or white, if few levels are left, or if samples of the input were not "
        + "finite. Warnings go to the standard error and to --json."))
  var strict = false

  @Flag(help: "Print the time of each kernel and of the slowest steps to the standard error.")
  var profile = false

  @Option(
    help: ArgumentHelp("Write a timeline for Perfetto or Chrome's trace viewer.", valueName: "file"),
    completion: .file())
  var trace: String?

  @Flag(name: .shortAndLong, help: "Print how each picture is restored to the standard error.")
  var verbose = false

  @Flag(help: "Print one line of JSON per file, including failed and kept files.")
  var json = false

  var metrics: [Metric] { metricList?.metrics ?? [] }
}
