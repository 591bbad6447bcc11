import Foundation
import Testing

/// Streams of frames through `irrun`, made and read by ffmpeg.
@Suite struct VideoTests {
  private static func toolFolder() throws -> String {
    URL(fileURLWithPath: try toolPath("irrun")).deletingLastPathComponent().path
  }

  /// `line` in bash in the folder, with the tools on the path, and `m.onnx`, a model that gives pictures
  /// back.
  private static func shell(_ folder: PictureFolder, _ line: String) throws -> String {
    try system(
      "bash", "-c", "set -o pipefail; PATH=\"\(try toolFolder()):$PATH\"; \(line)", at: folder.path)
  }

  /// Every kind of sampling comes through a model that changes nothing as it went in, by ffmpeg's sum of the
  /// frames.
  @Test(arguments: [
    "yuv420p", "yuvj420p", "yuv422p", "yuv444p", "gray", "yuv420p10le", "yuv422p10le", "yuv444p12le",
    "gray12le",
    "yuv444p16le",
  ]) func framesOfEveryKindComeBack(pixels: String) throws {
    try PictureFolder.with { folder in
      let source = "-f lavfi -i testsrc2=size=67x45:rate=10:duration=1 -pix_fmt \(pixels) -strict -1"
      let sums = try Self.shell(
        folder,
        "ffmpeg -v error \(source) -f yuv4mpegpipe a.y4m"
          + " && irrun -m m.onnx - - < a.y4m 2>log > b.y4m && cmp a.y4m b.y4m"
          + " && irrun -m m.onnx a.y4m c.y4m 2>>log && cmp a.y4m c.y4m"
          + " && ffmpeg -v error -i b.y4m -f framemd5 - | grep -vc '^#'")
      #expect(sums.trimmingCharacters(in: .whitespacesAndNewlines) == "10")
    }
  }

  @Test(arguments: ["rgb24", "rgb48le", "gray", "gray16le", "gbrpf32le"])
  func rawFramesComeBack(pixels: String) throws {
    try PictureFolder.with { folder in
      _ = try Self.shell(
        folder,
        "ffmpeg -v error -f lavfi -i testsrc2=size=40x30:rate=5:duration=1 -pix_fmt \(pixels) -f rawvideo a.raw"
          + " && irrun -m m.onnx --raw 40x30:\(pixels) - - < a.raw 2>log > b.raw && cmp a.raw b.raw")
    }
  }

  /// A noisy clip has less noise behind the model, frame by frame, and as many frames.
  @Test func aNoisyClipIsDenoised() throws {
    try PictureFolder.with { folder in
      let clip = "-loop 1 -i \(photograph) -frames:v 4 -vf scale=160:160"
      _ = try Self.shell(
        folder,
        "ffmpeg -v error \(clip) -pix_fmt yuv420p -f yuv4mpegpipe clean.y4m"
          + " && ffmpeg -v error -i clean.y4m -vf noise=alls=25:allf=t:all_seed=7 -f yuv4mpegpipe noisy.y4m"
          + " && ffmpeg -v error -i noisy.y4m -f yuv4mpegpipe - | irrun -m denoise - - 2>log"
          + " | ffmpeg -v error -i - -f yuv4mpegpipe out.y4m")
      func psnr(_ file: String) throws -> Double {
        let text = try Self.shell(
          folder, "ffmpeg -i \(file) -i clean.y4m -lavfi psnr -f null - 2>&1 | grep -o 'average:[0-9.]*'")
        return try #require(Double(text.trimmingCharacters(in: .whitespacesAndNewlines).dropFirst(8)))
      }
      #expect(try psnr("out.y4m") > psnr("noisy.y4m") + 3)
      let count = try Self.shell(folder, "ffmpeg -v error -i out.y4m -f framemd5 - | grep -vc '^#'")
      #expect(count.trimmingCharacters(in: .whitespacesAndNewlines) == "4")
    }
  }

  /// A stream that ends within a frame is said; the frames before it are whole, in a file too.
  @Test func aCutStreamIsSaid() throws {
    try PictureFolder.with { folder in
      let said = try Self.shell(
        folder,
        "ffmpeg -v error -f lavfi -i testsrc2=size=64x48:rate=5:duration=1 -f yuv4mpegpipe a.y4m"
          + "; head -c 10000 a.y4m > cut.y4m; irrun -m m.onnx - - < cut.y4m > b.y4m 2> log; echo $?; cat log"
          + "; irrun -m m.onnx cut.y4m c.y4m 2>/dev/null; echo $?; cmp b.y4m c.y4m && cmp -n $(stat -c %s b.y4m) a.y4m b.y4m"
          + " && ffmpeg -v error -i b.y4m -f framemd5 - | grep -vc '^#'")
      let lines = said.split(separator: "\n").map(String.init)
      #expect(lines.first == "4" && lines.last == "2" && said.contains("cut behind frame 2"))
    }
  }

  /// A cut stream without a whole frame replaces nothing, and none replaces its own input.
  @Test func aCutStreamReplacesNoMoreThanItGives() throws {
    try PictureFolder.with { folder in
      let said = try Self.shell(
        folder,
        "ffmpeg -v error -f lavfi -i testsrc2=size=64x48:rate=5:duration=1 -f yuv4mpegpipe a.y4m"
          + "; head -c 100 a.y4m > early.y4m; cp a.y4m kept.y4m; irrun -m m.onnx early.y4m kept.y4m 2>/dev/null; echo $?"
          + "; cmp a.y4m kept.y4m && irrun -m m.onnx early.y4m new.y4m 2>/dev/null; echo $?; test ! -e new.y4m"
          + " && head -c 10000 a.y4m > cut.y4m && cp cut.y4m own.y4m && irrun -m m.onnx own.y4m own.y4m 2>/dev/null; echo $?"
          + "; cmp cut.y4m own.y4m && irrun -m m.onnx a.y4m a.y4m 2>/dev/null && cmp a.y4m kept.y4m && echo same"
      )
      #expect(said.split(separator: "\n") == ["4", "4", "4", "same"])
    }
  }

  /// PNG and PNM pictures one behind the other come back as such, as many and as they were.
  @Test(arguments: ["png:rgb24", "png:rgb48be", "png:gray", "ppm:rgb24", "pgm:gray"])
  func picturesBehindEachOtherComeBack(kind: String) throws {
    try PictureFolder.with { folder in
      let parts = kind.split(separator: ":").map(String.init)
      let format = parts[0] == "png" ? "" : "-f \(parts[0])"
      let sums = try Self.shell(
        folder,
        "ffmpeg -v error -f lavfi -i testsrc2=size=67x45:rate=7:duration=1 -pix_fmt \(parts[1]) -f image2pipe -c:v \(parts[0]) a.pipe"
          + " && irrun -m m.onnx \(format) - - < a.pipe 2>log > b.pipe"
          + " && for f in a b; do ffmpeg -v error -f image2pipe -c:v \(parts[0]) -i $f.pipe -pix_fmt \(parts[1]) -f framemd5 - | grep -v '^#' > $f.md5; done"
          + "; cmp a.md5 b.md5 && wc -l < b.md5 && cat log")
      let lines = sums.split(separator: "\n").map(String.init)
      #expect(lines.first == "7" && lines.last?.hasPrefix("7 pictures in ") == true, "\(sums)")
    }
  }

  @Test func aCutStreamOfPicturesIsSaid() throws {
    try PictureFolder.with { folder in
      let said = try Self.shell(
        folder,
        "ffmpeg -v error -f lavfi -i testsrc2=size=64x48:rate=5:duration=1 -f image2pipe -c:v ppm a.ppm"
          + "; head -c 20000 a.ppm | irrun -m m.onnx -f ppm - - 2>log > b.ppm; echo $?; cat log"
          + "; for f in a b; do ffmpeg -v error -f image2pipe -c:v ppm -i $f.ppm -f framemd5 - | grep -v '^#' > $f.md5; done"
          + "; wc -l < b.md5; head -2 a.md5 | cmp - b.md5 && echo same"
      )
      let lines = said.split(separator: "\n").map(String.init)
      #expect(lines.first == "4" && lines.suffix(2) == ["2", "same"], "\(said)")
      #expect(said.contains("cut behind picture 2"))
    }
  }

  /// A file takes one picture: the others are not lost without a word.
  @Test func severalPicturesNeedAStream() throws {
    try PictureFolder.with { folder in
      try writePicture("\(folder.path)/a.png")
      let said = try Self.shell(
        folder,
        "cat a.png a.png | irrun -m m.onnx - b.png 2>&1; echo $?; irrun -m m.onnx - c.png < a.png >/dev/null; echo $?; cmp b.png c.png && echo same"
      )
      #expect(said.contains("several pictures come and b.png takes one"), "\(said)")
      #expect(said.split(separator: "\n").suffix(3) == ["4", "0", "same"])
    }
  }

  /// Still frames with noise differ less from one to the next when they are blended.
  @Test func aStillClipFlickersLess() throws {
    try PictureFolder.with { folder in
      _ = try Self.shell(
        folder,
        "ffmpeg -v error -loop 1 -i \(photograph) -frames:v 6 -vf scale=120:120,noise=alls=20:allf=t:all_seed=3 -pix_fmt yuv444p -f yuv4mpegpipe a.y4m"
          + " && irrun -m denoise a.y4m b.y4m 2>log && irrun -m denoise --temporal a.y4m c.y4m 2>>log")
      /// The PSNR of the last frame against the one before: higher where less flickers.
      func likeness(_ file: String) throws -> Double {
        let text = try Self.shell(
          folder,
          "ffmpeg -i \(file) -i \(file) -lavfi '[0:v]trim=start_frame=4:end_frame=5,setpts=0[p];[1:v]trim=start_frame=5,setpts=0[q];[p][q]psnr' -f null - 2>&1"
            + " | grep -o 'average:[0-9.]*'")
        return try #require(Double(text.trimmingCharacters(in: .whitespacesAndNewlines).dropFirst(8)))
      }
      #expect(try likeness("c.y4m") > likeness("b.y4m") + 1)
      let refused = try Self.shell(
        folder, "irrun -m m.onnx --temporal \(photograph) x.png 2>&1; echo $?; test ! -e x.png")
      #expect(refused.contains("--temporal is for streams of frames") && refused.hasSuffix("2"), "\(refused)")
    }
  }

  /// Memory is that of some frames, however long the stream is.
  @Test func memoryIsIndependentOfLength() throws {
    try PictureFolder.with { folder in
      func peak(_ seconds: Int) throws -> Int {
        _ = try Self.shell(
          folder,
          "ffmpeg -v error -y -f lavfi -i testsrc2=size=320x240:rate=20:duration=\(seconds) -f yuv4mpegpipe a.y4m"
        )
        let outcome = try run(
          "irrun", "-m", "\(folder.path)/m.onnx", "-j", "1", "\(folder.path)/a.y4m", "\(folder.path)/b.y4m")
        #expect(outcome.code == 0 && outcome.errors.contains("\(20 * seconds) frames"))
        return outcome.peakByteCount
      }
      let (short, long) = (try peak(1), try peak(10))
      // The stream of ten seconds has 23 MB.
      #expect(long < short + 8 << 20, "\(short) and \(long) bytes")
    }
  }

  @Test func streamsTakeNoOptionsOfPictures() throws {
    try PictureFolder.with { folder in
      let said = try Self.shell(
        folder,
        "printf 'YUV4MPEG2 W4 H4 Cmono\\n' > a.y4m; irrun -m m.onnx a.y4m b.y4m -f png 2>&1; echo $?"
          + "; irrun -m m.onnx a.y4m b.y4m --if-exists skip 2>&1; echo $?"
          + "; irrun -m m.onnx a.y4m b.y4m --shard 1/2 2>&1; echo $?"
          + "; irrun -m m.onnx a.y4m b.y4m --raw 4x4:rgb99 2>&1; echo $?"
          + "; printf 'YUV4MPEG2 W4 H4 It\\n' | irrun -m m.onnx - - 2>&1; echo $?")
      let codes = said.split(separator: "\n").filter { Int($0) != nil }
      #expect(codes == ["2", "2", "2", "2", "4"] && said.contains("deinterlace"))
    }
  }
}
