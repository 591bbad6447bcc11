// The names are those of irkit.h.
// swift-format-ignore-file: AlwaysUseLowerCamelCase

import CIRKit
import IRFiles
import IRPicture
import IRRestoration
import IRRuntime
import Synchronization

/// A restorer with what C reads of it.
final class CRestorer: Sendable {
  let restorer: SharedRestorer
  let path: CText
  /// The bytes that a restoration may take; nil is what the machine has left.
  let memory: Int?
  /// The steps of the restoration that ended last.
  let steps = Mutex<[CStep]>([])

  init(_ restorer: SharedRestorer, memory: Int?) {
    self.restorer = restorer
    path = CText(restorer.path)
    self.memory = memory
  }
}

@c @implementation
public func irkit_restorer_options_init(_ options: UnsafeMutablePointer<irkit_restorer_options>?) {
  let settings = RestorationSettings()
  options?.pointee = irkit_restorer_options(
    size: MemoryLayout<irkit_restorer_options>.size,
    run: irkit_options(
      size: MemoryLayout<irkit_options>.size, memory: 0, threads: 0, float16_storage: 0,
      precision: IRKIT_PRECISION_F32),
    strength: settings.strength, detail: settings.detail, noise_level: settings.noiseLevel ?? -1,
    tile_size: Int32(settings.tileSize ?? 0), overlap: Int32(settings.overlap),
    augmented: settings.isAugmented ? 1 : 0, profiled: settings.isProfiled ? 1 : 0)
}

extension RestorationSettings {
  init(_ options: irkit_restorer_options) throws {
    self.init()
    for (name, value) in [("strength", options.strength), ("detail", options.detail)] {
      guard (0...1).contains(value) else { throw ArgumentError("\(name) is \(value), and must be in 0...1") }
    }
    guard options.noise_level <= 255, !options.noise_level.isNaN else {
      throw ArgumentError("the noise level is \(options.noise_level), and must be in 0...255")
    }
    guard (0...65_500).contains(options.tile_size), (0...65_500).contains(options.overlap) else {
      throw ArgumentError("tiles of \(options.tile_size) pixels that share \(options.overlap)")
    }
    (strength, detail) = (options.strength, options.detail)
    noiseLevel = options.noise_level < 0 ? nil : options.noise_level
    tileSize = options.tile_size == 0 ? nil : Int(options.tile_size)
    overlap = Int(options.overlap)
    isAugmented = options.augmented != 0
    isProfiled = options.profiled != 0
    allowsFloat16Storage = options.run.float16_storage != 0
  }
}

@c @implementation
public func irkit_restorer_open(
  _ model: UnsafePointer<CChar>?, _ options: UnsafePointer<irkit_restorer_options>?,
  _ restorer: UnsafeMutablePointer<OpaquePointer?>?, _ error: ErrorText?
) -> irkit_status {
  restorer?.pointee = nil
  return reporting(error) {
    guard let model, let restorer else {
      throw ArgumentError("there is no model, or no place for the restorer")
    }
    var chosen = irkit_restorer_options()
    irkit_restorer_options_init(&chosen)
    if let options {
      try verifySize(options, "irkit_restorer_options")
      chosen = options.pointee
    }
    let settings = try RestorationSettings(chosen)
    let run = try RuntimeOptions(chosen.run)
    restorer.pointee = Handle.make(
      CRestorer(
        try SharedRestorer(model: FilePath(model).text, options: run, settings: settings),
        memory: run.memoryByteCount))
  }
}

@c @implementation
public func irkit_restorer_close(_ restorer: OpaquePointer?) { Handle.release(restorer, CRestorer.self) }

@c @implementation
public func irkit_restorer_scale(_ restorer: OpaquePointer?) -> Int32 {
  Int32(Handle.object(restorer, CRestorer.self)?.restorer.scale ?? 0)
}

@c @implementation
public func irkit_restorer_path(_ restorer: OpaquePointer?) -> UnsafePointer<CChar>? {
  Handle.object(restorer, CRestorer.self)?.path.pointer
}

@c @implementation
public func irkit_restorer_restore(
  _ restorer: OpaquePointer?, _ input: UnsafePointer<irkit_picture>?, _ output: UnsafePointer<irkit_picture>?,
  _ progress: irkit_progress?, _ context: UnsafeMutableRawPointer?,
  _ warnings: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?, _ error: ErrorText?
) -> irkit_status {
  warnings?.pointee = nil
  return reporting(error) {
    guard let handle = Handle.object(restorer, CRestorer.self) else {
      throw ArgumentError("there is no restorer")
    }
    let restorer = handle.restorer
    let (source, target) = (
      try PixelBuffer(input, name: "input"), try PixelBuffer(output, name: "output")
    )
    let (width, height) = (restorer.scale * source.width, restorer.scale * source.height)
    guard target.width == width, target.height == height, target.channelCount == source.channelCount else {
      throw ArgumentError(
        "the output is \(target.width)×\(target.height) with \(target.channelCount) channels, and must be "
          + "\(width)×\(height) with \(source.channelCount)")
    }
    // Before the samples are copied.
    let byteCount = source.width * source.height * source.channelCount * MemoryLayout<Float>.size
    let limit = RuntimeOptions(memoryByteCount: handle.memory).memoryLimit
    guard byteCount <= limit else { throw RuntimeError.exceedsMemory(byteCount: byteCount, limit: limit) }
    let result = try restorer.restoration(of: source.image) { done in
      progress.map { $0(context, done) == 0 } ?? true
    }
    try target.store(result.image)
    if let profile = result.profile {
      let steps = profile.steps.map { CStep($0) }
      handle.steps.withLock { $0 = steps }
    }
    let sentences = result.warnings.map(\.sentence).joined(separator: "\n")
    if !sentences.isEmpty { warnings?.pointee = copyOfText(sentences) }
  }
}

/// A step of a profile with the texts that C reads.
final class CStep: Sendable {
  let kernel: CText
  let node: CText
  let step: RestorationProfile.Step

  init(_ step: RestorationProfile.Step) {
    self.step = step
    kernel = CText(step.kernel)
    node = CText(step.node)
  }
}

@c @implementation
public func irkit_restorer_step_count(_ restorer: OpaquePointer?) -> Int {
  Handle.object(restorer, CRestorer.self)?.steps.withLock { $0.count } ?? 0
}

@c @implementation
public func irkit_restorer_step(
  _ restorer: OpaquePointer?, _ index: Int, _ result: UnsafeMutablePointer<irkit_step>?
) -> irkit_status {
  let steps = Handle.object(restorer, CRestorer.self)?.steps.withLock { $0 } ?? []
  guard let result, steps.indices.contains(index) else { return IRKIT_INVALID_ARGUMENT }
  let step = steps[index].step
  result.pointee = irkit_step(
    kernel: steps[index].kernel.pointer, node: steps[index].node.pointer,
    multiply_adds: UInt64(step.multiplyAddCount), bytes: UInt64(step.byteCount), seconds: step.seconds)
  return IRKIT_OK
}
