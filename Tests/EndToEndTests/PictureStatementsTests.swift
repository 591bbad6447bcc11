import Foundation
import Testing

/// Statements of pictures beside their pixels, from container to container.
@Suite struct PictureStatementsTests {
  private static let suffixes = ["jpg", "png", "tif", "webp", "avif", "heic", "jxl"]

  @Test(arguments: ["dpi300.jpg", "dpi300.tif"]) func resolutionStays(_ input: String) throws {
    try PictureFolder.with { folder in
      for suffix in Self.suffixes {
        let text = try folder.restored(input, "a.\(suffix)")
        #expect(!text.contains("not carried over"), "\(text)")
        let found =
          suffix == "png"
          ? try folder.tags("./a.png", "PixelsPerUnitX", "PixelsPerUnitY", "PixelUnits")
          : try folder.tags("./a.\(suffix)", "XResolution", "YResolution", "ResolutionUnit")
        let expected =
          suffix == "png" ? ["11811", "11811", "1"] : ["300", "300", suffix == "jpg" ? "1" : "2"]
        #expect(found == expected, "\(suffix): \(found)")
      }
      #expect(try folder.restored(input, "a.ppm").contains("not carried over: resolution"))
    }
  }

  @Test func nothingIsInvented() throws {
    try PictureFolder.with { folder in
      for suffix in Self.suffixes {
        try folder.restored("base.png", "a.\(suffix)")
        let all = try folder.everything("./a.\(suffix)")
        for name in [
          "ExifIFD", "ColorSpace ", "PixelsPerUnit", "Software", "[IFD0]          Make", "YCbCrPos",
        ] {
          #expect(!all.contains(name), "\(suffix) states \(name): \(all)")
        }
        let resolution = try folder.tags("./a.\(suffix)", "XResolution", "ResolutionUnit")
        // JFIF has the fields, and says in them that there is no unit.
        #expect(resolution == (suffix == "jpg" ? ["1", "0"] : []), "\(suffix): \(resolution)")
      }
    }
  }

  /// Who, when and where in every form that exiftool writes; of all of it nothing is left, from each format
  /// to each.
  @Test func stripLeavesNothing() throws {
    try PictureFolder.with { folder in
      try folder.restored("base.png", "from-jpg.jpg")
      try system(
        "exiftool", "-q", "-overwrite_original", "-Artist=SecretWho", "-ImageDescription=SecretWhat",
        "-DateTimeOriginal=2024:01:02 03:04:05", "-GPSLatitude=52.5", "-GPSLatitudeRef=N", "-Make=SecretCam",
        "-SerialNumber=SecretNumber", "-XPTitle=SecretWhat", "-XMP:Creator=SecretWho", "-XMP:City=SecretTown",
        "-IPTC:City=SecretTown", "-Comment=SecretWhat", folder.absolute("./from-jpg.jpg"))
      let list = try (["jpg"] + Self.suffixes.filter { $0 != "jpg" }).map { suffix in
        let name = "./from-\(suffix).\(suffix)"
        if suffix != "jpg" { try folder.restored("./from-jpg.jpg", "from-\(suffix).\(suffix)") }
        if suffix == "png" {
          try system(
            "exiftool", "-q", "-overwrite_original", "-PNG:Author=SecretWho", "-PNG:Title=SecretWhat",
            folder.absolute(name))
        } else if suffix == "tif" {
          try system(
            "exiftool", "-q", "-overwrite_original", "-DocumentName=SecretWhat", "-HostComputer=SecretCam",
            folder.absolute(name))
        }
        #expect(try folder.everything(name).contains("Secret"), "\(name)")
        return folder.absolute(name)
      }
      for (choice, words) in [
        ("strip", ["Secret", "2024:", "GPS"]), ("strip-gps", ["SecretTown", "GPS"]),
      ] {
        for suffix in Self.suffixes + ["ppm"] {
          let target = "\(folder.path)/\(choice)-\(suffix)"
          let outcome = try run(
            "irrun",
            ["-m", "\(folder.path)/m.onnx", "-i"] + list + ["-o", target, "-f", suffix, "--metadata", choice])
          #expect(outcome.code == 0, "\(outcome.errors)")
          for source in Self.suffixes {
            let name = "./\(choice)-\(suffix)/from-\(source).\(suffix)"
            let bytes = try Data(contentsOf: URL(fileURLWithPath: folder.absolute(name)))
            let all = try folder.everything(name)
            for word in words {
              #expect(bytes.range(of: Data(word.utf8)) == nil, "\(name) holds \(word)")
              #expect(!all.replacing("FileName", with: "").contains(word), "\(name) states \(word)")
            }
          }
        }
      }
    }
  }

  @Test func stripLeavesNoTextsOfPNG() throws {
    try PictureFolder.with { folder in
      try folder.restored("strip.png", "a.png", "--metadata", "strip")
      let bytes = try Data(contentsOf: URL(fileURLWithPath: folder.absolute("./a.png")))
      for word in ["Secret", "Somebody", "Acme", "Me\0", "tEXt", "iTXt", "eXIf"] {
        #expect(bytes.range(of: Data(word.utf8)) == nil, "\(word)")
      }
      try folder.restored("text.png", "b.png", "--metadata", "strip")
      #expect(try folder.tags("./b.png", "Parameters", "Workflow", "Comment").isEmpty)
    }
  }

  @Test(arguments: ["meta.tif", "text.jpg"]) func recordsOfIPTCStay(_ input: String) throws {
    try PictureFolder.with { folder in
      for suffix in Self.suffixes {
        let text = try folder.restored(input, "a.\(suffix)")
        let keeps = ["jpg", "png", "tif"].contains(suffix)
        #expect(text.contains("IPTC") == !keeps, "\(text)")
        let names = ["IPTC:City", "IPTC:Keywords", "IPTC:Caption-Abstract", "IPTC:ApplicationRecordVersion"]
        for name in names where keeps {
          #expect(try folder.tags("./a.\(suffix)", name) == folder.tags(input, name), "\(suffix) \(name)")
        }
        for name in ["XMP:Rating", "XMP:Subject", "ExifIFD:DateTimeOriginal", "ExifIFD:LensModel"] {
          #expect(try folder.tags("./a.\(suffix)", name) == folder.tags(input, name), "\(suffix) \(name)")
        }
      }
      #expect(try folder.tags("./a.jpg", "File:Comment") == folder.tags(input, "File:Comment"))
    }
  }

  @Test func tagsOfTIFFStay() throws {
    try PictureFolder.with { folder in
      try folder.restored("geo.tif", "geo.tif")
      for name in ["PixelScale", "ModelTiePoint", "ProjectedCSType", "GTModelType", "GDALNoData", "Software"]
      {
        let found = try folder.tags("./geo.tif", name)
        #expect(try found == folder.tags("geo.tif", name) && !found.isEmpty, "\(name)")
      }
      #expect(try folder.restored("geo.tif", "geo.png").contains("geographic tags"))
      try folder.restored("big.tif", "big.tif")
      for name in ["Make", "Model", "ImageDescription", "Software"] {
        #expect(try folder.tags("./big.tif", name) == [folder.tags("big.tif", name)[0]], "\(name)")
      }
      for suffix in ["tif", "jpg", "png"] {
        try folder.restored("meta.tif", "meta.\(suffix)")
        for name in ["XPTitle", "XPKeywords", "Artist", "GPSLatitude", "ImageDescription"] {
          #expect(try folder.tags("./meta.\(suffix)", name) == folder.tags("meta.tif", name), "\(name)")
        }
      }
    }
  }

  @Test func codePointsStay() throws {
    try PictureFolder.with { folder in
      for (input, output) in [
        ("cicp.png", "a.png"), ("cicp.png", "a.avif"), ("hdr.avif", "b.avif"), ("hdr.avif", "b.heic"),
        ("hdr.avif", "b.png"),
      ] {
        try folder.restored(input, output)
        #expect(try folder.tags("./\(output)", "ColorPrimaries") == ["9"], "\(input) \(output)")
        #expect(try folder.tags("./\(output)", "TransferCharacteristics") == ["16"], "\(input) \(output)")
      }
      #expect(try folder.restored("cicp.png", "c.jpg").contains("colour code points 9/16"))
    }
  }

  @Test func coloursOfGammaAndPrimariesStayOrBecomeAProfile() throws {
    try PictureFolder.with { folder in
      try folder.restored("chrm.png", "a.png")
      for name in ["Gamma", "WhitePointX", "RedX", "RedY", "GreenX", "GreenY", "BlueX", "BlueY"] {
        #expect(try folder.tags("./a.png", name) == folder.tags("chrm.png", name), "\(name)")
      }
      // The published colorants of Adobe RGB (1998).
      for suffix in ["jpg", "tif", "avif", "jxl"] {
        let text = try folder.restored("chrm.png", "a.\(suffix)")
        #expect(!text.contains("not carried over"), "\(text)")
        let icc = suffix == "jxl" ? try folder.field("./a.jxl", "icc-profile-data") : "read below"
        #expect(!icc.isEmpty)
        guard suffix != "jxl" else { continue }
        let red = try folder.tags("./a.\(suffix)", "RedMatrixColumn")
        #expect(red == ["0.60974 0.31111 0.01947"], "\(suffix): \(red)")
      }
    }
  }

  @Test func adobeRGBByExifIsConverted() throws {
    try PictureFolder.with { folder in
      try folder.restored("r03.jpg", "kept.png")
      #expect(try folder.tags("./kept.png", "InteropIndex") == ["R03"])
      #expect(try folder.difference("r03.jpg", "./kept.png") == 0)
      try folder.restored("r03.jpg", "srgb.png", "--icc", "srgb")
      #expect(try folder.tags("./srgb.png", "InteropIndex", "ExifIFD:ColorSpace") == ["R98", "1"])
      // The definition, in doubles: Adobe RGB (1998) to light, to sRGB's primaries, to its curve.
      let script = """
        from sys import argv
        a=open(argv[1],'rb').read().split(b'\\n',3); b=open(argv[2],'rb').read().split(b'\\n',3)
        p,q=a[3],b[3]; worst=0
        m=[[1.3982838,-0.3982833,0.0],[0.0,1.0,0.0],[0.0,-0.0429383,1.0429388]]
        for i in range(0,len(p),3):
          l=[(v/255)**2.19921875 for v in p[i:i+3]]
          for k in range(3):
            x=min(max(sum(m[k][j]*l[j] for j in range(3)),0),1)
            y=255*(12.92*x if x<=0.0031308 else 1.055*x**(1/2.4)-0.055)
            worst=max(worst,abs(y-q[i+k]))
        print(worst)
        """
      for (from, to) in [("kept", "x"), ("srgb", "y")] {
        try system("vips", "ppmsave", "\(from).png", "\(to).ppm", "--strip", at: folder.path)
      }
      let worst = try #require(Double(try system("python3", "-c", script, "x.ppm", "y.ppm", at: folder.path)))
      #expect(worst <= 2.5, "\(worst)")
      try folder.restored("r03.jpg", "silent.png", "--metadata", "strip")
      #expect(try folder.tags("./silent.png", "ProfileDescription") == ["Adobe RGB compatible"])
    }
  }

  @Test(arguments: ["sony.jpg", "pana.jpg"]) func makerNotesStayWhole(_ input: String) throws {
    try PictureFolder.with { folder in
      let name = input == "sony.jpg" ? "Sony:AFPointsUsed" : "Panasonic:LensType"
      let note = try folder.bytes(input, "MakerNote*")
      for suffix in Self.suffixes {
        let text = try folder.restored(input, "a.\(suffix)")
        #expect(!text.contains("not carried over"), "\(text)")
        // exiftool 12.57 warns about this made note on its error stream, as it does for the input.
        #expect(try folder.tags("./a.\(suffix)", name) == folder.tags(input, name), "\(suffix)")
        #expect(try folder.bytes("./a.\(suffix)", "MakerNote*") == note, "\(suffix)")
      }
      // Out of a TIFF, where it stands at the same place, and back.
      try folder.restored("./a.tif", "b.jpg")
      #expect(try folder.tags("./b.jpg", name) == folder.tags(input, name))
    }
  }

  @Test func thumbnailsOfTurnedPicturesGo() throws {
    try PictureFolder.with { folder in
      for suffix in Self.suffixes {
        try folder.restored("thumb.jpg", "a.\(suffix)")
        #expect(try folder.tags("./a.\(suffix)", "IFD1:ThumbnailLength", "IFD1:Compression").isEmpty)
        #expect(try folder.tags("./a.\(suffix)", "ExifImageWidth", "ExifImageHeight") == ["48", "64"])
        #expect(try folder.tags("./a.\(suffix)", "UserComment") == ["Grüße 日本"])
        #expect(try ["", "1"].contains(folder.tags("./a.\(suffix)", "IFD0:Orientation").joined()))
      }
    }
  }

  /// WebP's EXIF begins with its byte order, PNG's stands before the pixels: exiftool has nothing to complain
  /// of.
  @Test func exifStandsWhereItsContainerHasIt() throws {
    try PictureFolder.with { folder in
      for suffix in ["webp", "png"] {
        try folder.restored("r03.jpg", "a.\(suffix)")
        #expect(try folder.tags("./a.\(suffix)", "InteropIndex") == ["R03"])
        #expect(try folder.tags("./a.\(suffix)", "Warning", "Error").isEmpty, "\(suffix)")
      }
      let bytes = try Data(contentsOf: URL(fileURLWithPath: folder.absolute("./a.png")))
      let (exif, pixels) = (bytes.range(of: Data("eXIf".utf8)), bytes.range(of: Data("IDAT".utf8)))
      #expect(try #require(exif).lowerBound < #require(pixels).lowerBound)
    }
  }
}
