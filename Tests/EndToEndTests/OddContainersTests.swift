import Foundation
import Testing

/// Pictures whose files are out of the ordinary: each is right, or refused in plain words.
@Suite struct OddContainersTests {
  @Test(arguments: ["jpg", "png", "webp", "tif", "avif", "heic", "jxl"])
  func turnedHEICStandsUpright(_ suffix: String) throws {
    try PictureFolder.with { folder in
      try folder.restored("orient6.heic", "a.\(suffix)")
      #expect(
        try folder.field("./a.\(suffix)", "width") == "48" && folder.field("./a.\(suffix)", "height") == "64")
      #expect(try ["", "1"].contains(folder.tags("./a.\(suffix)", "IFD0:Orientation").joined()))
      #expect(try folder.tags("./a.\(suffix)", "Rotation", "Make") == ["Acme"])
    }
  }

  @Test func cameraRawsAreRefusedByName() throws {
    try PictureFolder.with { folder in
      for name in ["raw.dng", "cfa0.dng"] {
        let outcome = try folder.restore(name, "a.png")
        #expect(outcome.code == 4 && outcome.errors.contains("a camera raw (DNG)"), "\(outcome.errors)")
        #expect(outcome.errors.contains("darktable"))
      }
      // The first bytes of other makers' files, and a TIFF of Nikon whose first directory is a preview of
      // another.
      let preview = try system(
        "bash", "-c",
        "cp '\(PictureFolder.fixture("raw.dng"))' n.nef; chmod u+w n.nef;"
          + "exiftool -q -overwrite_original -DNGVersion= -Make='NIKON CORPORATION' n.nef; exiftool -s3 -DNGVersion n.nef",
        at: folder.path)
      #expect(preview.isEmpty)
      #expect(try folder.restore("./n.nef", "a.png").errors.contains("a camera raw (NEF of Nikon)"))
      for (start, word) in [
        ("FUJIFILMCCD-RAW 0201", "RAF"), ("IIRO\u{8}\0\0\0", "ORF"), ("IIU\0\u{18}\0\0\0", "RW2"),
        ("II*\0\u{10}\0\0\0CR\u{2}\0", "CR2"), ("\0\0\0\u{18}ftypcrx \0\0\0\u{1}", "CR3"),
        ("FOVb\0\0\0\0", "X3F"),
      ] {
        try Data(Array(start.utf8) + [UInt8](repeating: 0, count: 200)).write(
          to: URL(fileURLWithPath: "\(folder.path)/x.raw"))
        let outcome = try folder.restore("./x.raw", "a.png")
        #expect(outcome.code == 4 && outcome.errors.contains("a camera raw (\(word)"), "\(outcome.errors)")
      }
    }
  }

  /// White of 1023 and of 100, with a comment in between: as libvips' own arithmetic scales them.
  @Test func whiteOfPPMIsItsLargestValue() throws {
    try PictureFolder.with { folder in
      try folder.restored("p10.ppm", "a.png")
      try system(
        "vips", "linear", PictureFolder.fixture("p10.ppm"), "e.v", "64.0615835777126", "0", at: folder.path)
      #expect(try folder.difference("./e.v", "./a.png") <= 1)
      try Data("P2\n# made by hand\n3 1\n#\n100\n0 50 100\n".utf8).write(
        to: URL(fileURLWithPath: "\(folder.path)/p.pgm"))
      try folder.restored("./p.pgm", "b.png")
      #expect(try system("vips", "getpoint", "b.png", "1", "0", at: folder.path) == "128")
      #expect(try system("vips", "getpoint", "b.png", "2", "0", at: folder.path) == "255")
    }
  }

  @Test func samplesBesideColourStayWhatTheyAre() throws {
    try PictureFolder.with { folder in
      let text = try folder.restored("extra_unspec.tif", "a.tif")
      #expect(!text.contains("not carried over"), "\(text)")
      #expect(try folder.tags("./a.tif", "ExtraSamples", "SamplesPerPixel") == ["0", "4"])
      #expect(try folder.difference("extra_unspec.tif", "./a.tif") == 0)
      let png = try folder.restored("extra_unspec.tif", "a.png")
      #expect(png.contains("not carried over: extra channel"), "\(png)")
      #expect(try folder.field("./a.png", "bands") == "3")
    }
  }

  @Test func fiveSamplesStay() throws {
    try PictureFolder.with { folder in
      let source = PictureFolder.fixture("extra_unspec.tif")
      let line =
        "vips extract_band '\(source)' x.v 3; vips invert x.v z.v; vips copy '\(source)' four.v;"
        + "vips bandjoin 'four.v z.v' five.v; vips copy five.v five.tif"
      try system("bash", "-c", line, at: folder.path)
      let text = try folder.restored("./five.tif", "a.tif")
      #expect(!text.contains("not carried over"), "\(text)")
      #expect(try folder.field("./a.tif", "bands") == "5")
      #expect(try folder.difference("./five.tif", "./a.tif") == 0)
      #expect(try folder.tags("./a.tif", "ExtraSamples") == folder.tags("./five.tif", "ExtraSamples"))
    }
  }

  @Test func animationsAndSeriesAreRefusedOrSaid() throws {
    try PictureFolder.with { folder in
      let moving = try folder.restore("anim.png", "a.png")
      #expect(moving.code == 4 && moving.errors.contains("it has 3 frames or pages"), "\(moving.errors)")
      let first = try folder.restored("mpo.jpg", "a.jpg")
      #expect(first.contains("its first picture was read"), "\(first)")
      #expect(try folder.bytes("./a.jpg", "MPImage2") == folder.bytes("mpo.jpg", "MPImage2"))
      #expect(try folder.restored("mpo.jpg", "b.png").contains("not carried over: second picture"))
      let primary = try folder.restored("two.avif", "c.avif")
      #expect(
        primary.contains("the primary one of its 2 pictures was read")
          && primary.contains("not carried over: second picture"), "\(primary)")
    }
  }

  @Test func losslessStaysLossless() throws {
    try PictureFolder.with { folder in
      try folder.restored("lossless.webp", "a.webp")
      #expect(try folder.difference("lossless.webp", "./a.webp") == 0)
      for suffix in ["webp", "jxl", "tif", "png"] {
        try folder.restored("base.png", "b.\(suffix)", "--lossless")
        #expect(try folder.difference("base.png", "./b.\(suffix)") == 0, "\(suffix)")
      }
      try folder.restored("base.png", "c.webp")
      #expect(try folder.difference("base.png", "./c.webp") > 0)
      let refused = try folder.restore("base.png", "d.jpg", "--lossless")
      #expect(
        refused.code == 4 && refused.errors.contains("jpg cannot be written without loss"),
        "\(refused.errors)")
    }
  }

  /// Carried where the picture's size stays and the container is JPEG; else dropped with what XMP claims.
  @Test func whatLiesBehindAPictureGoesWithIt() throws {
    try PictureFolder.with { folder in
      let kept = try folder.restored("ultrahdr.jpg", "a.jpg")
      #expect(!kept.contains("not carried over"), "\(kept)")
      #expect(try folder.bytes("./a.jpg", "MPImage2") == folder.bytes("ultrahdr.jpg", "MPImage2"))
      #expect(try folder.tags("./a.jpg", "XMP-hdrgm:Version", "DirectoryItemLength") == ["1.0", "684"])
      let size = try system("stat", "-c", "%s", folder.absolute("./a.jpg"))
      let places = try folder.tags("./a.jpg", "MPImageStart", "MPImageLength").compactMap { Int($0) }
      #expect(
        places.reduce(0, max) + 684 == Int(size) ?? 0 || places.contains((Int(size) ?? 0) - 684), "\(places)")
      let dropped = try folder.restored("ultrahdr.jpg", "a.png")
      #expect(dropped.contains("not carried over: gain map"), "\(dropped)")
      let claims = try folder.everything("./a.png")
      #expect(!claims.contains("hdrgm") && !claims.contains("Container"), "\(claims)")

      #expect(try !folder.restored("motion.jpg", "m.jpg").contains("not carried over"))
      let offset = try #require(try folder.tags("./m.jpg", "MicroVideoOffset").first)
      for file in ["./m.jpg", "motion.jpg"] {
        try system("bash", "-c", "tail -c \(offset) '\(folder.absolute(file))' >> video", at: folder.path)
      }
      #expect(
        try system(
          "bash", "-c", "cmp <(head -c \(offset) video) <(tail -c \(offset) video) && echo same",
          at: folder.path)
          == "same")
      #expect(try folder.restored("motion.jpg", "m.webp").contains("not carried over: motion video"))
      #expect(try !folder.everything("./m.webp").contains("GCamera"))
    }
  }

  /// Twice as large: a gain map would not fit, and neither would places on the earth.
  @Test func enlargedPicturesLoseWhatHeldForTheirSize() throws {
    try PictureFolder.with { folder in
      try writeNetwork("\(folder.path)/x2.onnx", enlarges: true)
      for (input, word) in [
        ("ultrahdr.jpg", "gain map"), ("motion.jpg", "motion video"), ("geo.tif", "geographic tags"),
      ] {
        let outcome = try run(
          "irrun",
          [
            "-m", "\(folder.path)/x2.onnx", "-i", PictureFolder.fixture(input), "-o",
            "\(folder.path)/x-\(input)",
          ])
        #expect(outcome.code == 0 && outcome.output.contains("not carried over: \(word)"), "\(outcome)")
        let all = try folder.everything("./x-\(input)")
        for claim in ["hdrgm", "GCamera", "MPImage", "PixelScale"] {
          #expect(!all.contains(claim), "\(input) \(claim)")
        }
      }
    }
  }

  @Test func continuedXMPStays() throws {
    try PictureFolder.with { folder in
      for suffix in ["jpg", "png", "tif", "webp", "avif", "jxl"] {
        #expect(try !folder.restored("extxmp.jpg", "a.\(suffix)").contains("not carried over"))
        #expect(try folder.tags("./a.\(suffix)", "XMP:Rating", "XMP:Creator") == ["5", "Somebody"])
        #expect(
          try folder.bytes("./a.\(suffix)", "DepthImage") == folder.bytes("extxmp.jpg", "DepthImage"),
          "\(suffix)")
      }
      try folder.restored("./a.png", "b.jpg")
      #expect(try folder.bytes("./b.jpg", "DepthImage") == folder.bytes("extxmp.jpg", "DepthImage"))
      #expect(try folder.tags("./b.jpg", "XMP:Rating") == ["5"])
    }
  }

  @Test func textsOfPNGStayAndLossesAreInJSON() throws {
    try PictureFolder.with { folder in
      try folder.restored("text.png", "a.png")
      for name in ["Parameters", "Workflow", "Comment"] {
        #expect(try folder.tags("./a.png", name) == folder.tags("text.png", name), "\(name)")
      }
      let line = try folder.restored("text.png", "a.jpg", "--json")
      let report = try #require(JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
      #expect(report["lost"] as? [String] == ["text parameters", "text workflow"])
      #expect(try folder.tags("./a.jpg", "File:Comment") == ["latin é"])
    }
  }

  @Test func coloursThatAreConvertedAreSaid() throws {
    try PictureFolder.with { folder in
      #expect(try folder.restored("cmyk.jpg", "a.jpg").contains("its colours (CMYK) were converted to sRGB"))
      #expect(try folder.tags("./a.jpg", "ProfileDescription").isEmpty)
      for suffix in ["jpg", "png", "webp", "tif"] {
        let text = try folder.restored("grey_rgbicc.jpg", "g.\(suffix)")
        #expect(text.contains("not carried over: ICC profile"), "\(text)")
        #expect(try folder.tags("./g.\(suffix)", "ProfileDescription").isEmpty)
      }
    }
  }

  @Test func filesWithoutTheirEndAreReadAndSaid() throws {
    try PictureFolder.with { folder in
      let text = try folder.restored("noeoi.jpg", "a.png")
      #expect(text.contains("its end marker is missing"), "\(text)")
      let line =
        "(cat '\(PictureFolder.fixture("noeoi.jpg"))'; printf '\\xff\\xd9') > whole.jpg; head -c 3000 whole.jpg > cut.jpg;"
      try system(
        "bash", "-c", line + "head -c 5000 '\(PictureFolder.fixture("base.png"))' > cut.png", at: folder.path)
      #expect(try folder.difference("./whole.jpg", "./a.png") == 0)
      for name in ["cut.jpg", "cut.png"] {
        let refused = try folder.restore("./\(name)", "b.png")
        #expect(refused.code == 4, "\(refused)")
        let saved = try folder.restored("./\(name)", "b.png", "--salvage")
        #expect(
          saved.contains("it is damaged") && saved.contains("the readable part was used"), "\(saved)")
        #expect(try folder.field("./b.png", "height") == "48")
      }
    }
  }

  @Test func thumbnailPagesAreNotPictures() throws {
    try PictureFolder.with { folder in
      try folder.restored("thumbpage.tif", "a.png")
      #expect(try folder.difference("base.png", "./a.png") == 0)
      let line =
        "vips arrayjoin '\(PictureFolder.fixture("base.png")) \(PictureFolder.fixture("base.png"))' j.v --across 1;"
      try system(
        "bash", "-c",
        line + "vips copy j.v 'two.tif[page-height=48]' || vips tiffsave j.v two.tif --page-height 48",
        at: folder.path)
      let two = try folder.restore("./two.tif", "b.png")
      #expect(two.code == 4 && two.errors.contains("it has 2 frames or pages"), "\(two.errors)")
    }
  }

  /// Decoded here, and by ImageMagick.
  @Test func uncommonSamplesOfTIFFAreRead() throws {
    try PictureFolder.with { folder in
      let base = PictureFolder.fixture("base.png")
      for (name, options) in [
        ("bits10", "-depth 10"), ("bits12", "-depth 12"), ("bits14", "-depth 14"),
        ("lzw12", "-depth 12 -compress lzw"),
        ("msb12", "-depth 12 -endian MSB -compress zip"),
        ("tiles12", "-depth 12 -define tiff:tile-geometry=32x32"),
      ] {
        try system(
          "bash", "-c", "convert '\(base)' \(options) \(name).tif && convert \(name).tif \(name).png",
          at: folder.path)
        #expect(
          try folder.tags("./\(name).tif", "BitsPerSample") == [
            Array(repeating: options.filter(\.isNumber).prefix(2), count: 3).joined(separator: " ")
          ])
        try folder.restored("./\(name).tif", "out-\(name).png")
        #expect(try folder.field("./out-\(name).png", "format").contains("USHORT"))
        #expect(try folder.difference("./\(name).png", "./out-\(name).png") <= 1, "\(name)")
      }
      let float = "-define quantum:format=floating-point"
      for (name, options) in [
        ("half", "-depth 16 -compress none \(float)"), ("halfzip", "-depth 16 -compress zip \(float)"),
        ("double", "-depth 64 -compress none -endian MSB \(float)"),
      ] {
        // ImageMagick complains of a tag where nothing is compressed, and writes the file.
        try system(
          "bash", "-c", "convert '\(base)' \(options) \(name).tif 2>&1 || test -s \(name).tif",
          at: folder.path)
        try folder.restored("./\(name).tif", "out-\(name).tif")
        try system("bash", "-c", "vips linear out-\(name).tif l.v 255 0", at: folder.path)
        #expect(try folder.difference("base.png", "./l.v") < 0.1, "\(name)")
      }
      for name in ["half.tif", "f64.tif"] {
        try folder.restored(name, "f.tif")
        try system("bash", "-c", "vips linear f.tif l.v 255 0", at: folder.path)
        #expect(try folder.difference("base.png", "./l.v") < 0.2, "\(name)")
      }
    }
  }

  @Test func bitmapsAndJPEGXLAreRead() throws {
    try PictureFolder.with { folder in
      for name in ["b.bmp", "b.jxl"] {
        try folder.restored(name, "a.png")
        #expect(try folder.difference("base.png", "./a.png") == 0, "\(name)")
      }
      let base = PictureFolder.fixture("base.png")
      for (name, options) in [
        ("grey", "-colorspace gray -type palette BMP3:"), ("four", "-colors 16 -type palette BMP3:"),
        ("one", "-monochrome BMP3:"), ("old", "BMP2:"),
        ("alpha", "-alpha on -channel A -evaluate set 50% BMP:"),
      ] {
        try system(
          "bash", "-c",
          "convert '\(base)' -crop 61x47+0+0 +repage \(options)\(name).bmp; convert \(name).bmp \(name).png",
          at: folder.path)
        try folder.restored("./\(name).bmp", "out-\(name).png")
        try system(
          "bash", "-c", "convert out-\(name).png -alpha set a.miff; convert \(name).png -alpha set b.miff",
          at: folder.path)
        let count = try system(
          "bash", "-c", "compare -metric AE a.miff b.miff null: 2>&1 || true", at: folder.path)
        #expect(count == "0", "\(name): \(count)")
      }
      // As libvips' command line writes it.
      try folder.restored("base.png", "q.jxl", "-q", "80")
      try system("vips", "jxlsave", base, "expected.jxl", "--Q", "80", at: folder.path)
      #expect(try folder.difference("./expected.jxl", "./q.jxl") == 0)
    }
  }

  @Test func compressionOfTIFFStaysOrIsChosen() throws {
    try PictureFolder.with { folder in
      let numbers = [
        "none": "1", "lzw": "5", "deflate": "8", "zstd": "50000", "packbits": "32773", "jpeg": "7",
        "webp": "50001",
      ]
      for (name, number) in numbers {
        try folder.restored("base.png", "\(name).tif", "--compression", name)
        #expect(try folder.tags("./\(name).tif", "IFD0:Compression") == [number], "\(name)")
        try folder.restored("./\(name).tif", "again.tif")
        #expect(try folder.tags("./again.tif", "IFD0:Compression") == [number], "\(name)")
        if !["jpeg", "webp"].contains(name) {
          #expect(try folder.difference("base.png", "./again.tif") == 0, "\(name)")
        }
      }
      try folder.restored("./lzw.tif", "float.tif", "--depth", "32f")
      #expect(try folder.tags("./float.tif", "IFD0:Compression", "IFD0:Predictor") == ["5", "3"])
    }
  }

  /// A size that a format cannot hold is known before anything is computed.
  @Test func limitsOfFormatsAreKnownBefore() throws {
    try PictureFolder.with { folder in
      try system("vips", "black", "wide.png", "16400", "2", "--bands", "3", at: folder.path)
      let outcome = try folder.restore("./wide.png", "a.webp")
      #expect(
        outcome.code == 4 && outcome.errors.contains("16400×2 pixels exceed the 16383 a side"),
        "\(outcome.errors)")
      let planned = try folder.restored("./wide.png", "a.webp", "--dry-run")
      #expect(planned.contains("pixels exceed the 16383 a side"), "\(planned)")
    }
  }

  /// The standard input takes one picture of any format that is read.
  @Test func streamsOfSeveralPicturesAreRefused() throws {
    try PictureFolder.with { folder in
      let tool = try toolPath("irrun")
      func piped(_ command: String) throws -> String {
        try system(
          "bash", "-c", "\(command) | '\(tool)' -m m.onnx -i - -o out.png 2>&1; echo \"code $?\"",
          at: folder.path)
      }
      let base = PictureFolder.fixture("base.png"), jpeg = PictureFolder.fixture("dpi300.jpg")
      #expect(try piped("cat '\(base)'").hasSuffix("code 0"))
      for name in ["p10.ppm", "b.bmp", "b.jxl", "mpo.jpg", "ultrahdr.jpg"] {
        let text = try piped("cat '\(PictureFolder.fixture(name))'")
        #expect(text.hasSuffix("code 0"), "\(name): \(text)")
      }
      for (several, refusal) in [
        ("'\(base)' '\(base)'", "several pictures come"), ("'\(jpeg)' '\(base)'", "another picture follows"),
        ("'\(base)' '\(jpeg)' '\(jpeg)'", "another picture follows"),
      ] {
        let text = try piped("cat \(several)")
        #expect(text.contains(refusal) && text.hasSuffix("code 4"), "\(several): \(text)")
      }
    }
  }

  @Test func strictRunsWriteNothingThatLoses() throws {
    try PictureFolder.with { folder in
      let refused = try folder.restore("ultrahdr.jpg", "a.png", "--strict")
      #expect(refused.code == 4 && refused.errors.contains("not carried over: gain map"), "\(refused.errors)")
      #expect(!FileManager.default.fileExists(atPath: folder.absolute("./a.png")))
      #expect(try folder.restore("ultrahdr.jpg", "a.jpg", "--strict").code == 0)
      #expect(try folder.restore("text.png", "b.jpg", "--strict", "--metadata", "strip").code == 0)
      let left = try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
      #expect(left == ["a.jpg", "b.jpg", "m.onnx"])
    }
  }
}
