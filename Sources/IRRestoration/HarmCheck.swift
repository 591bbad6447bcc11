/// Compares a picture with its restoration at low frequency. Noise, blur and compression leave the means of
/// large regions nearly as they are, so that a restoration which moves them did something else.
public enum HarmCheck {
  /// Levels of 0...255 that the mean of a picture may move. Removal of noise, of blur and of compression
  /// moves it by about one where nothing is clipped; a shift of four is seen when two pictures are shown in
  /// turn.
  static let meanShiftLimit = 4.0
  /// Levels that the mean of a region may move beside the whole. Regions have 32 pixels a side and more: a
  /// mean of noise of σ = 50 is uncertain by 1.6 levels there, and a restorer's own errors are as large
  /// again.
  static let regionShiftLimit = 8.0
  /// Levels that the means of two channels may move apart. A cast of this size is seen on grey.
  static let colourShiftLimit = 4.0
  /// The share of samples that may become black or white. Sharper edges overshoot, and edges are a small part
  /// of a picture; a twentieth is more than they explain.
  static let rangeEndsLimit = 0.05
  /// Noise on true black lifts half of the samples, which return when it is removed: the share of the input's
  /// own samples at the ends may double.
  static let returningFactor = 2.0
  /// A picture of fewer levels than one in this many of those that it spans is a poster.
  static let levelStep = 32
  /// Levels must also become fewer by this factor: posters among the inputs stay what they are.
  static let levelFactor = 4
  /// Noise that was clipped at black pulls the mean up, and its removal lets it fall, by at most 0.4 σ where
  /// half the samples are clipped; the removed noise has a deviation of 0.58 σ there. 1.4 times share times
  /// deviation is not smaller, for any share.
  static let clippedNoiseFactor = 1.4

  /// Lists suspicious properties of `output` as a restoration of `input`. The output has the input's
  /// channels, and its sides are the same multiple of the input's. Values are in 0...1. Pixels whose alpha is
  /// 0 in the input and samples that are not finite are not compared. A shift that one of `tasks` explains
  /// says so; it is left out if the model has no other task.
  /// - Returns: at most one warning of each kind.
  /// - Throws: `ImageError.mismatch` if the sides or channels do not fit.
  public static func warnings(
    input: Image, output: Image, tasks: ToneTasks = ToneTasks()
  ) throws(ImageError) -> [RestorationWarning] {
    let scale = output.width / max(input.width, 1)
    guard scale >= 1, output.width == scale * input.width, output.height == scale * input.height,
      output.channelCount == input.channelCount
    else {
      throw .mismatch(
        detail: "a restoration of \(output.width)×\(output.height)×\(output.channelCount) cannot be compared "
          + "with an input of \(input.width)×\(input.height)×\(input.channelCount)")
    }
    let tones = ToneComparison(input, output, scale: scale)
    guard tones.whole.count > 0 else { return [] }
    var result: [RestorationWarning] = []
    if let warning = meanShift(tones, tasks) { result.append(warning) }
    if let warning = regionShift(tones, tasks) { result.append(warning) }
    if let warning = colourShift(tones, tasks) { result.append(warning) }
    if let warning = rangeEnds(tones, output.sampleFormat) { result.append(warning) }
    if let warning = fewLevels(tones) { result.append(warning) }
    return result.filter { !tasks.areAll || $0.explanations == nil }
  }

  private static func meanShift(_ tones: ToneComparison, _ tasks: ToneTasks) -> RestorationWarning? {
    let region = tones.whole
    guard abs(region.shift) > meanShiftLimit + region.allowance else { return nil }
    return RestorationWarning(
      .meanShift, ["before": region.before, "after": region.after, "shift": region.shift],
      "the picture became \(moved(region.shift)) on the mean (\(whole(region.before)) before, "
        + "\(whole(region.after)) after)", explanations: tasks.explanations(of: region.shift))
  }

  private static func regionShift(_ tones: ToneComparison, _ tasks: ToneTasks) -> RestorationWarning? {
    let wholeShift = tones.whole.shift
    let found = tones.regions.max {
      abs($0.shift - wholeShift) - $0.allowance < abs($1.shift - wholeShift) - $1.allowance
    }
    guard let region = found, abs(region.shift - wholeShift) > regionShiftLimit + region.allowance
    else { return nil }
    return RestorationWarning(
      .regionShift,
      [
        "left": Double(region.columns.lowerBound), "top": Double(region.rows.lowerBound),
        "width": Double(region.columns.count), "height": Double(region.rows.count), "before": region.before,
        "after": region.after, "shift": region.shift, "wholeShift": wholeShift,
      ],
      "the region of \(region.columns.count)×\(region.rows.count) pixels at \(region.columns.lowerBound), "
        + "\(region.rows.lowerBound) became \(moved(region.shift)), the whole picture \(moved(wholeShift))",
      explanations: tasks.explanations(of: region.shift))
  }

  private static func colourShift(_ tones: ToneComparison, _ tasks: ToneTasks) -> RestorationWarning? {
    let shifts = tones.whole.channelShifts
    guard shifts.count == 3, let low = shifts.min(), let high = shifts.max(),
      high - low > colourShiftLimit + 2 * tones.whole.allowance
    else { return nil }
    let texts = zip(["red", "green", "blue"], shifts).map { "\($0) by \(signed($1))" }
    return RestorationWarning(
      .colourShift, ["red": shifts[0], "green": shifts[1], "blue": shifts[2]],
      "the colours changed by different amounts: \(texts.joined(separator: ", ")) levels",
      explanations: tasks.explanations(of: tones.whole.shift))
  }

  private static func rangeEnds(
    _ tones: ToneComparison, _ format: Image.SampleFormat
  ) -> RestorationWarning? {
    let (before, after) = (tones.inputLevels.shareAtEnds, tones.outputLevels.shareAtEnds)
    // Files of floats keep what lies beyond black and white.
    guard format != .float32, after - returningFactor * before > rangeEndsLimit else { return nil }
    return RestorationWarning(
      .rangeEnds, ["before": before, "after": after],
      "\(percent(after)) of the samples are black or white, of the input \(percent(before))")
  }

  private static func fewLevels(_ tones: ToneComparison) -> RestorationWarning? {
    let (before, after) = (tones.inputLevels.distinctCount, tones.outputLevels.distinctCount)
    let means = tones.regions.flatMap(\.channelMeans)
    let span = max(tones.outputLevels.span, Int((means.max() ?? 0) - (means.min() ?? 0)))
    guard after * levelStep <= span, after * levelFactor <= before else { return nil }
    return RestorationWarning(
      .fewLevels, ["before": Double(before), "after": Double(after)],
      "\(after) distinct \(after == 1 ? "level is" : "levels are") left of \(before)")
  }

  private static func moved(_ shift: Double) -> String {
    let count = whole(abs(shift))
    return "\(count) \(count == "1" ? "level" : "levels") \(shift < 0 ? "darker" : "brighter")"
  }

  private static func whole(_ value: Double) -> String { "\(Int(value.rounded()))" }
  private static func signed(_ value: Double) -> String { value < 0 ? whole(value) : "+\(whole(value))" }
  private static func percent(_ share: Double) -> String { "\((1000 * share).rounded() / 10) %" }
}
