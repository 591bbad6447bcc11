import Foundation
import ImageRestoration
import Testing

private let settings =
  #"{"in_channels": 8, "out_channels": 4, "block_out_channels": [8, 8], "layers_per_block": 1, "#
  + #""attention_head_dim": 2, "cross_attention_dim": 4, "norm_num_groups": 4, "#
  + #""down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D"], "#
  + #""up_block_types": ["CrossAttnUpBlock2D", "UpBlock2D"]}"#

private func bytes(_ path: String) throws -> Data { try #require(FileManager.default.contents(atPath: path)) }

/// A trained pipeline has the same bytes after an interruption, and restores.
@Test func pipelinesAreTrainedAndRestore() throws {
  try withFolder { folder in
    try FileManager.default.createDirectory(atPath: "\(folder)/clean", withIntermediateDirectories: true)
    for index in 0..<3 { try writePicture("\(folder)/clean/\(index).png", width: 132 + index, height: 128) }
    try Data(settings.utf8).write(to: URL(fileURLWithPath: "\(folder)/unet.json"))
    func train(_ output: String, _ extra: String..., interruptAfter: Double? = nil) throws -> Outcome {
      let options = [
        "unires", "--clean", "\(folder)/clean", "--config", "\(folder)/unet.json", "--tasks",
        "noise25=dn:1,down2=sr:1", "--steps", "30", "--batch", "2", "--crop", "32", "--validate-every", "0",
        "-j", "2", "-o", "\(folder)/\(output)",
      ]
      return try run("irtrain", options + extra, interruptAfter: interruptAfter)
    }
    let whole = try train("whole")
    #expect(whole.code == 0, "\(whole.errors)")
    #expect(whole.errors.contains("each task has a UNet of its own"), "\(whole.errors)")
    #expect(whole.errors.contains("step 30: dn ") && whole.errors.contains(" dB, sr "), "\(whole.errors)")
    let parted = try train("parted", interruptAfter: 1)
    #expect([0, 130].contains(parted.code), "\(parted.errors)")
    let resumed = try train("parted", "--resume")
    #expect(resumed.code == 0, "\(resumed.errors)")
    let files = ["/unet/model.onnx", "/vae_encoder/model.onnx", "/vae_decoder/model.onnx", ".checkpoint"]
    for file in files + ["/model_index.json", "/scheduler/scheduler_config.json", "/unet/config.json"] {
      #expect(try bytes("\(folder)/whole\(file)") == bytes("\(folder)/parted\(file)"), "\(file)")
    }
    let page = String(decoding: try bytes("\(folder)/parted.html"), as: UTF8.self)
    #expect(page.contains("<svg") && page.contains("data:image/png;base64,"))

    let picture = "\(folder)/clean/1.png"
    for (weights, name) in [("sr=1", "a"), ("sr=.6,dn=.6,md=-.2", "b")] {
      let restored = try run(
        "irrun", "-m", "\(folder)/whole", "-i", picture, "-o", "\(folder)/\(name).png", "--weights", weights,
        "--steps", "2")
      #expect(restored.code == 0, "\(restored.errors)")
    }
    #expect(try bytes("\(folder)/a.png") != bytes("\(folder)/b.png"))
    let image = try ImageFile.read("\(folder)/a.png")
    #expect(image.width == 133 && image.height == 128)

    // Another run may not take its place, or go on from it with other settings; but it may start from it.
    #expect(try train("parted").code == 2)
    let other = try train("parted", "--resume", "--min-snr", "0")
    #expect(other.code == 3 && other.errors.contains("other settings: objective was"), "\(other.errors)")
    let second = try train(
      "second", "--start", "\(folder)/whole.checkpoint", "--trunk-share", "0", "--f16-weights")
    #expect(second.code == 0, "\(second.errors)")
    let (half, full) = (
      try bytes("\(folder)/second/unet/model.onnx"), try bytes("\(folder)/whole/unet/model.onnx")
    )
    #expect(half.count < full.count * 4 / 5)
    let again = try run(
      "irrun", "-m", "\(folder)/second", "-i", picture, "-o", "\(folder)/c.png", "--weights", "dn=1",
      "--steps",
      "1")
    #expect(again.code == 0, "\(again.errors)")
  }
}

@Test func pipelinesThatCannotBeTrainedAreRefused() throws {
  try withFolder { folder in
    try FileManager.default.createDirectory(atPath: "\(folder)/clean", withIntermediateDirectories: true)
    for index in 0..<3 { try writePicture("\(folder)/clean/\(index).png", width: 132, height: 128) }
    func train(_ extra: String...) throws -> Outcome {
      try run(
        "irtrain", ["unires", "--clean", "\(folder)/clean", "--steps", "1", "-o", "\(folder)/p"] + extra)
    }
    let sides = try train("--crop", "30")
    #expect(sides.code == 3 && sides.errors.contains("multiples of 4"), "\(sides.errors)")
    let wrong = try train("--tasks", "noise25")
    #expect(wrong.code == 3 && wrong.errors.contains("the class noise"), "\(wrong.errors)")
    #expect(try train("--tasks", "pairs=dn").code == 2)
    #expect(try train("--time", "1m").code == 2)
    try Data(settings.replacingOccurrences(of: #""out_channels": 4"#, with: #""out_channels": 5"#).utf8)
      .write(
        to: URL(fileURLWithPath: "\(folder)/unet.json"))
    let channels = try train("--config", "\(folder)/unet.json")
    #expect(channels.code == 3 && channels.errors.contains("twice out_channels"), "\(channels.errors)")
    #expect(!FileManager.default.fileExists(atPath: "\(folder)/p"))
  }
}
