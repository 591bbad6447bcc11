import Foundation
import ImageRestoration
import Testing

/// Pictures out of the ordinary go through the tool and are looked at from outside: by libvips' own command
/// line and by exiftool.
@Suite struct OddPicturesTests {
  /// With a model that gives its picture back: what changes is the files' doing.
  private func restore(
    _ folder: String, _ input: String, _ output: String, _ more: String...
  ) throws -> Outcome {
    if !FileManager.default.fileExists(atPath: "\(folder)/m.onnx") { try writeIdentity("\(folder)/m.onnx") }
    return try run(
      "irrun", ["-m", "\(folder)/m.onnx", "-i", "\(folder)/\(input)", "-o", "\(folder)/\(output)"] + more)
  }

  private func vips(_ folder: String, _ arguments: String...) throws {
    try system(["vips"] + arguments, at: folder)
  }

  private func field(_ folder: String, _ file: String, _ name: String) throws -> String {
    let value = try system("vipsheader", "-f", name, file, at: folder)
    // An enumeration is shown with its type.
    return value.hasPrefix("((")
      ? value.split(separator: " ").last.map { String($0.dropLast()) } ?? value : value
  }

  private func exif(_ folder: String, _ file: String, _ name: String) throws -> String {
    try system("exiftool", "-s3", "-n", "-\(name)", file, at: folder)
  }

  /// The largest difference of two pictures, by libvips.
  private func difference(_ folder: String, _ a: String, _ b: String) throws -> Double {
    let line = "vips subtract \(a) \(b) d.v && vips abs d.v e.v && vips max e.v"
    return try #require(Double(try system("bash", "-c", line, at: folder)))
  }

  /// Colour noise, 23 by 17: `rgb.v`.
  private func makeNoise(_ folder: String) throws {
    try vips(folder, "gaussnoise", "n.v", "23", "51", "--mean", "120", "--sigma", "40")
    let line =
      "for i in 0 1 2; do vips crop n.v c$i.v 0 $((17 * i)) 23 17; done;"
      + "vips bandjoin 'c0.v c1.v c2.v' j.v; vips cast j.v k.v uchar; vips copy k.v rgb.v --interpretation srgb"
    try system("bash", "-c", line, at: folder)
  }

  /// A WebP of 23 by 17 pixels that shows the picture of another so many times.
  private func animation(of still: Data, frameCount: Int) -> Data {
    func number(_ value: Int, _ count: Int) -> [UInt8] { (0..<count).map { UInt8(value >> (8 * $0) & 255) } }
    func chunk(_ name: String, _ body: [UInt8]) -> [UInt8] {
      Array(name.utf8) + number(body.count, 4) + body + (body.count % 2 == 1 ? [0] : [])
    }
    // The chunk of the picture alone.
    let rest = still.range(of: Data("VP8 ".utf8)).map { Array(still[$0.lowerBound...]) } ?? []
    let length = rest.count > 8 ? (0..<4).reduce(0) { $0 | Int(rest[4 + $1]) << (8 * $1) } : 0
    let picture = Array(rest.prefix(8 + length + length % 2))
    let size = number(22, 3) + number(16, 3)
    var body = Array("WEBP".utf8) + chunk("VP8X", [2, 0, 0, 0] + size) + chunk("ANIM", [0, 0, 0, 0, 0, 0])
    for _ in 0..<frameCount {
      body += chunk("ANMF", number(0, 3) + number(0, 3) + size + number(100, 3) + [0] + picture)
    }
    return Data(Array("RIFF".utf8) + number(body.count, 4) + body)
  }

  @Test func wideGamutTurnedTransparent16Bit() throws {
    try withFolder { folder in
      try makeNoise(folder)
      let line =
        "vips extract_band rgb.v alpha.v 1; vips bandjoin 'rgb.v alpha.v' four.v;"
        + "vips cast four.v wide.v ushort --shift; vips copy wide.v w16.v --interpretation rgb16; vips copy w16.v 'in.png[profile=p3]'"
      try system("bash", "-c", line, at: folder)
      try system(
        "exiftool", "-q", "-overwrite_original", "-Orientation#=6", "-Model=Camera 7", "in.png", at: folder)
      let outcome = try restore(folder, "in.png", "out.png")
      #expect(outcome.code == 0, "\(outcome.errors)")
      #expect(try field(folder, "out.png", "width") == "17" && field(folder, "out.png", "height") == "23")
      #expect(
        try field(folder, "out.png", "bands") == "4"
          && field(folder, "out.png", "format") == "VIPS_FORMAT_USHORT")
      let profile = try exif(folder, "in.png", "ProfileDescription")
      #expect(try !profile.isEmpty && exif(folder, "out.png", "ProfileDescription") == profile)
      #expect(try exif(folder, "out.png", "Model") == "Camera 7")
      #expect(try ["", "1"].contains(exif(folder, "out.png", "Orientation")))
      try system("vips", "autorot", "in.png", "turned.v", at: folder)
      #expect(try difference(folder, "turned.v", "out.png") <= 1)

      // The same in sRGB: as libvips converts it, and without the profile.
      #expect(try restore(folder, "in.png", "srgb.png", "--icc", "srgb").code == 0)
      #expect(try exif(folder, "srgb.png", "ProfileDescription").isEmpty)
      try system(
        "vips", "icc_transform", "turned.v", "expected.v", "srgb", "--embedded", "--depth", "16", "--intent",
        "relative", at: folder)
      #expect(try difference(folder, "expected.v", "srgb.png") <= 64)
      // And to formats without alpha, which is said.
      let flat = try restore(folder, "in.png", "flat.jpg")
      #expect(flat.code == 0 && flat.output.contains("not carried over: alpha"))
    }
  }

  @Test func printColours() throws {
    try withFolder { folder in
      try makeNoise(folder)
      try system(
        "bash", "-c", "vips icc_export rgb.v cmyk.v --output-profile cmyk; vips copy cmyk.v 'in.jpg[Q=98]'",
        at: folder)
      #expect(try field(folder, "in.jpg", "bands") == "4")
      let outcome = try restore(folder, "in.jpg", "out.png")
      #expect(outcome.code == 0, "\(outcome.errors)")
      #expect(
        try field(folder, "out.png", "bands") == "3" && exif(folder, "out.png", "ProfileDescription").isEmpty)
      try system("vips", "colourspace", "in.jpg", "expected.v", "srgb", at: folder)
      #expect(try difference(folder, "expected.v", "out.png") <= 1)
    }
  }

  @Test func grey16BitAndFloat() throws {
    try withFolder { folder in
      try makeNoise(folder)
      let grey =
        "vips extract_band rgb.v g.v 0; vips cast g.v h.v ushort --shift;"
        + "vips copy h.v grey.v --interpretation grey16; vips copy grey.v grey.tif"
      try system("bash", "-c", grey, at: folder)
      #expect(try restore(folder, "grey.tif", "out.tif").code == 0)
      #expect(
        try field(folder, "out.tif", "format") == "VIPS_FORMAT_USHORT"
          && field(folder, "out.tif", "bands") == "1")
      #expect(try difference(folder, "grey.tif", "out.tif") <= 1)
      // Values from black to far above white.
      let float =
        "vips linear rgb.v l.v 0.02 0; vips copy l.v s.v --interpretation scrgb; vips copy s.v float.tif"
      try system("bash", "-c", float, at: folder)
      #expect(try restore(folder, "float.tif", "same.tif").code == 0)
      #expect(try field(folder, "same.tif", "format") == "VIPS_FORMAT_FLOAT")
      #expect(try difference(folder, "float.tif", "same.tif") < 1e-5)
      let clipped = try restore(folder, "float.tif", "clipped.png")
      #expect(
        clipped.code == 0 && clipped.output.contains("clipped to the file's range"), "\(clipped.output)")
    }
  }

  @Test func integersOf32BitsAreShadesAndSignedOnesAreRefused() throws {
    try withFolder { folder in
      try makeNoise(folder)
      let line =
        "vips linear rgb.v l.v 16843009 0; vips cast l.v u.v uint; vips copy u.v in.tif;"
        + "vips cast rgb.v s.v short; vips copy s.v signed.tif"
      try system("bash", "-c", line, at: folder)
      #expect(try field(folder, "in.tif", "format") == "VIPS_FORMAT_UINT")
      let outcome = try restore(folder, "in.tif", "out.png", "--depth", "8")
      #expect(outcome.code == 0, "\(outcome.errors)")
      #expect(try difference(folder, "rgb.v", "out.png") == 0)
      let signed = try restore(folder, "signed.tif", "none.png", "--json")
      #expect(
        signed.code == 4 && signed.errors.contains("signed and complex samples are not supported"),
        "\(signed.errors)")
      // The report has a line for each file, whatever became of it.
      #expect(
        signed.output.contains("\"error\":") && signed.output.contains("signed.tif"), "\(signed.output)")
    }
  }

  @Test func animationsAndTruncationsAreRefused() throws {
    try withFolder { folder in
      try makeNoise(folder)
      try system("vips", "webpsave", "rgb.v", "still.webp", "--strip", at: folder)
      let still = try Data(contentsOf: URL(fileURLWithPath: "\(folder)/still.webp"))
      try animation(of: still, frameCount: 3).write(to: URL(fileURLWithPath: "\(folder)/moving.webp"))
      let moving = try restore(folder, "moving.webp", "out.webp")
      #expect(moving.code == 4 && moving.errors.contains("it has 3 frames or pages"), "\(moving.errors)")
      try system("bash", "-c", "vips copy rgb.v whole.jpg; head -c 700 whole.jpg > cut.jpg", at: folder)
      let cut = try restore(folder, "cut.jpg", "out.jpg")
      #expect(cut.code == 4 && cut.errors.contains("cut.jpg: cannot be read as an image"), "\(cut.errors)")
      // No decoder opens a file that is not a photograph, whatever its name.
      try Data("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"9\" height=\"9\"/>".utf8)
        .write(to: URL(fileURLWithPath: "\(folder)/drawing.png"))
      #expect(try restore(folder, "drawing.png", "drawing-out.png").code == 4)
      let left = try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.contains("out") }
      #expect(left.isEmpty)
    }
  }

  @Test(arguments: [(1, 1), (3, 20_000), (20_000, 3)]) func extremeSizes(_ size: (Int, Int)) throws {
    try withFolder { folder in
      try writePicture("\(folder)/in.png", width: size.0, height: size.1)
      let outcome = try restore(folder, "in.png", "out.png")
      #expect(outcome.code == 0, "\(outcome.errors)")
      #expect(
        try field(folder, "out.png", "width") == "\(size.0)"
          && field(folder, "out.png", "height") == "\(size.1)")
      #expect(try difference(folder, "in.png", "out.png") == 0)
    }
  }

  /// Through every format and back: the picture, the camera, the place where it may stay.
  @Test(arguments: ["jpg", "png", "tif", "webp", "avif", "heic"]) func formatsKeepWhatTheyCan(
    _ suffix: String
  ) throws {
    try withFolder { folder in
      try makeNoise(folder)
      try system(
        "bash", "-c", "vips gaussblur rgb.v soft.v 3; vips copy soft.v 'in.jpg[Q=100,profile=srgb]'",
        at: folder)
      try system(
        "exiftool", "-q", "-overwrite_original", "-Model=Camera 7", "-GPSLatitude=52.5", "-GPSLatitudeRef=N",
        "-XMP:Creator=Somebody", "in.jpg", at: folder)
      let outcome = try restore(folder, "in.jpg", "out.\(suffix)")
      #expect(outcome.code == 0, "\(outcome.errors)")
      #expect(try exif(folder, "out.\(suffix)", "Model") == "Camera 7")
      #expect(try exif(folder, "out.\(suffix)", "GPSLatitude") == "52.5")
      #expect(try exif(folder, "out.\(suffix)", "XMP:Creator") == "Somebody")
      #expect(try !exif(folder, "out.\(suffix)", "ProfileDescription").isEmpty)
      #expect(
        try difference(folder, "in.jpg", "out.\(suffix)") <= (["png", "tif"].contains(suffix) ? 0 : 24))
      #expect(try restore(folder, "in.jpg", "placeless.\(suffix)", "--metadata", "strip-gps").code == 0)
      #expect(try exif(folder, "placeless.\(suffix)", "GPSLatitude").isEmpty)
      #expect(try exif(folder, "placeless.\(suffix)", "Model") == "Camera 7")
    }
  }

  @Test func avifHoldsMoreThan8Bits() throws {
    try withFolder { folder in
      let pixels = (0..<(3 * 64 * 64)).map { Float($0 % 4096) / 4095 }
      let image = Image(width: 64, height: 64, channelCount: 3, pixels: pixels, sampleFormat: .uint16)
      try ImageFile.write(image, to: "\(folder)/in.png")
      #expect(try restore(folder, "in.png", "out.avif", "-q", "100").code == 0)
      #expect(try field(folder, "out.avif", "format") == "VIPS_FORMAT_USHORT")
      let read = try ImageFile.read("\(folder)/out.avif")
      let mean = zip(read.pixels, pixels).reduce(0) { $0 + Double(abs($1.0 - $1.1)) } / Double(pixels.count)
      #expect(read.sampleFormat == .uint16 && mean < 0.01, "\(mean)")
    }
  }
}
