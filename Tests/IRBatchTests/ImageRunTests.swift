import Foundation
import IRBatch
import IRFiles
import ImageRestoration
import Testing

@Suite struct ImageRunTests {
  private func options(_ change: (inout ImageRun.Options) -> Void = { _ in }) -> ImageRun.Options {
    var options = ImageRun.Options()
    change(&options)
    return options
  }

  @Test func outcomesComeInOrderAndAFailureStopsNoOther() throws {
    try withFolder { folder in
      try makeFolder("\(folder)/in")
      for name in ["a", "b", "d", "e"] { try writePicture("\(folder)/in/\(name).png") }
      try write("no picture", to: "\(folder)/in/c.png")
      let restorer = try makeRestorer("\(folder)/m.onnx")
      for ahead in [0, 1, 4] {
        let run = ImageRun(
          restorer: restorer,
          options: options {
            $0.readAhead = ahead
            $0.writeBehind = ahead
          })
        let found = outcomes(run, try jobs(["\(folder)/in"], to: "\(folder)/out\(ahead)"))
        #expect(found.map(\.input) == ["a.png", "b.png", "c.png", "d.png", "e.png"])
        #expect(found[2].result.contains("cannot be read as an image"), "\(found[2])")
        #expect(try names("\(folder)/out\(ahead)") == ["a.png", "b.png", "d.png", "e.png"])
        let (before, after) = (
          try ImageFile.read("\(folder)/in/b.png"), try ImageFile.read("\(folder)/out\(ahead)/b.png")
        )
        #expect(before.pixels == after.pixels)
      }
    }
  }

  /// A private picture's restoration is private, and a file that is replaced keeps its permissions.
  @Test func permissionsAreKept() throws {
    try withFolder { folder in
      func mode(_ path: String) -> mode_t {
        var status = stat()
        return stat(path, &status) == 0 ? status.st_mode & 0o777 : 0
      }
      let run = ImageRun(restorer: try makeRestorer("\(folder)/m.onnx"), options: options())
      func restore(_ permissions: mode_t) throws -> mode_t {
        try writePicture("\(folder)/a.png")
        chmod("\(folder)/a.png", permissions)
        let found = outcomes(run, try jobs(["\(folder)/a.png"], to: "\(folder)/b.png"))
        #expect(found.map(\.input) == ["a.png"])
        return mode("\(folder)/b.png")
      }
      #expect(try restore(0o600) == 0o600)
      #expect(try restore(0o644) == 0o600)
      chmod("\(folder)/b.png", 0o640)
      #expect(try restore(0o600) == 0o640)
      unlink("\(folder)/b.png")
      // No permission beside those that the process grants to new files.
      try write("", to: "\(folder)/new")
      #expect(try restore(0o666) == mode("\(folder)/new"))
      unlink("\(folder)/b.png")
      #expect(try restore(0o444) == mode("\(folder)/new") & 0o444 | 0o200)
    }
  }

  @Test func anEndedRunLeavesWholeFilesAndIsResumed() throws {
    try withFolder { folder in
      try makeFolder("\(folder)/in")
      for index in 0..<6 { try writePicture("\(folder)/in/\(index).png", seed: index + 1) }
      let restorer = try makeRestorer("\(folder)/m.onnx", factor: 0.5)
      let output = "\(folder)/out"
      func resumed(stopsAfter count: Int = .max, factor: Float? = nil) throws -> [(
        input: String, result: String
      )] {
        let model = try factor.map { try makeRestorer("\(folder)/other.onnx", factor: $0) } ?? restorer
        let key = try Journal.key(of: model, options: OutputOptions(), isStrict: false)
        let run = ImageRun(
          restorer: model, options: options { $0.writeBehind = 3 },
          journal: Journal(folder: FilePath(output), common: key))
        return outcomes(
          run, try jobs(["\(folder)/in"], to: output, ifExists: .resume), stopsAfter: count)
      }
      #expect(try resumed(stopsAfter: 2).count == 2)
      let left = try FileManager.default.contentsOfDirectory(atPath: output)
      #expect(!left.contains { $0.contains(".partial") }, "\(left)")
      for name in try names(output) { _ = try ImageFile.read("\(output)/\(name)") }
      // Those that were written are kept, whether their outcomes were heard or not.
      let whole = try names(output).count
      let second = try resumed()
      #expect(second.count == 6 && second.count { $0.result == "kept" } == whole)
      #expect(try resumed().allSatisfy { $0.result == "kept" })
      // Another input, another output and another model are other results.
      try writePicture("\(folder)/in/1.png", seed: 99)
      try write("x", to: "\(output)/2.png")
      try FileManager.default.removeItem(atPath: "\(output)/3.png")
      #expect(try resumed().filter { $0.result != "kept" }.map(\.input) == ["1.png", "2.png", "3.png"])
      #expect(try resumed(factor: 0.25).allSatisfy { $0.result != "kept" })
    }
  }

  @Test func timesOfModificationAreKeptOnDemand() throws {
    try withFolder { folder in
      try writePicture("\(folder)/a.png")
      let date = Date(timeIntervalSince1970: 1_000_000_000)
      try FileManager.default.setAttributes([.modificationDate: date], ofItemAtPath: "\(folder)/a.png")
      let restorer = try makeRestorer("\(folder)/m.onnx")
      for keeps in [true, false] {
        let run = ImageRun(restorer: restorer, options: options { $0.output.keepsTime = keeps })
        #expect(outcomes(run, try jobs(["\(folder)/a.png"], to: "\(folder)/b.png")).count == 1)
        let found = try FileManager.default.attributesOfItem(atPath: "\(folder)/b.png")[.modificationDate]
        #expect((found as? Date == date) == keeps)
      }
    }
  }

  @Test func aStrictRunNamesWhatWouldBeLost() throws {
    try withFolder { folder in
      var image = try {
        try writePicture("\(folder)/plain.png")
        return try ImageFile.read("\(folder)/plain.png")
      }()
      image.alpha = [Float](repeating: 0.5, count: image.width * image.height)
      try ImageFile.write(image, to: "\(folder)/a.png")
      let restorer = try makeRestorer("\(folder)/m.onnx")
      let list = try jobs(["\(folder)/a.png"], to: "\(folder)/a.jpg")
      let run = ImageRun(restorer: restorer, options: options { $0.isStrict = true })
      var lines: [String] = []
      run.process(list) { outcome in
        if case .failed(let job, let error) = outcome {
          let data = (try? JSONEncoder().encode(Report.Other(job, error: error))) ?? Data()
          lines.append(String(decoding: data, as: UTF8.self))
        }
        return true
      }
      #expect(lines.count == 1 && lines.first?.contains(#""lost":["alpha"]"#) == true, "\(lines)")
      #expect(!FileManager.default.fileExists(atPath: "\(folder)/a.jpg"))
    }
  }

  /// Another run has taken the name since this one chose it: the next number is taken, and nothing is
  /// replaced.
  @Test func namesThatAreTakenMeanwhileAreNumbered() throws {
    try withFolder { folder in
      try makeFolder("\(folder)/in")
      for name in ["a", "b"] { try writePicture("\(folder)/in/\(name).png") }
      let list = try jobs(["\(folder)/in"], to: "\(folder)/out", ifExists: .rename)
      for name in ["a.png", "a-1.png"] { try write("theirs", to: "\(folder)/out/\(name)") }
      let run = ImageRun(restorer: try makeRestorer("\(folder)/m.onnx"), options: options())
      #expect(outcomes(run, list).map(\.result) == ["a-2.png", "b.png"])
      #expect(try names("\(folder)/out") == ["a-1.png", "a-2.png", "a.png", "b.png"])
      #expect(try String(contentsOfFile: "\(folder)/out/a-1.png", encoding: .utf8) == "theirs")
    }
  }

  /// A comparison replaces an earlier one, and no picture.
  @Test func comparisonsReplaceNoPicture() throws {
    try withFolder { folder in
      try makeFolder("\(folder)/out")
      for name in ["a.png", "out/a-side.png"] { try writePicture("\(folder)/\(name)", seed: 5) }
      let theirs = try Data(contentsOf: URL(fileURLWithPath: "\(folder)/out/a-side.png"))
      let run = ImageRun(
        restorer: try makeRestorer("\(folder)/m.onnx"), options: options { $0.output.comparison = .side })
      func restore(_ inputs: [String]) throws -> [String] {
        let list = try jobs(inputs.map { "\(folder)/\($0)" }, to: "\(folder)/out/", comparison: .side)
        _ = outcomes(run, list)
        return try names("\(folder)/out")
      }
      #expect(try restore(["a.png"]) == ["a-side-1.png", "a-side.png", "a.png"])
      #expect(try Data(contentsOf: URL(fileURLWithPath: "\(folder)/out/a-side.png")) == theirs)
      unlink("\(folder)/out/a-side.png")
      for _ in 0..<2 { #expect(try restore(["a.png"]) == ["a-side-1.png", "a-side.png", "a.png"]) }
      // Nor another output of the run, nor an input of it.
      try writePicture("\(folder)/a-side.png")
      #expect(throws: BatchError.self) { try restore(["a.png", "a-side.png"]) }
      #expect(throws: BatchError.self) {
        try jobs(
          ["\(folder)/a.png", "\(folder)/out/a-side.png"], to: "\(folder)/out/", comparison: .side)
      }
    }
  }

  /// A picture that takes much of the memory is read when the one before it is done.
  @Test func largePicturesAreNotReadBesideOthers() throws {
    /// Makes the large picture whole when the small one is restored: whoever reads it before fails.
    final class Mender: BatchMonitor {
      let path: String
      let whole: Data
      init(_ path: String, _ whole: Data) { (self.path, self.whole) = (path, whole) }
      func planned(_ job: Job, _ plan: RestorationPlan) { Thread.sleep(forTimeInterval: 0.2) }
      func restored(_ job: Job) { try? whole.write(to: URL(fileURLWithPath: path)) }
    }
    try withFolder { folder in
      try makeFolder("\(folder)/in")
      try writePicture("\(folder)/in/a.png")
      let large = "\(folder)/in/b.png"
      try writePicture(large, width: 640, height: 480)
      let whole = try Data(contentsOf: URL(fileURLWithPath: large))
      try whole.prefix(whole.count / 2).write(to: URL(fileURLWithPath: large))
      let run = ImageRun(
        restorer: try makeRestorer("\(folder)/m.onnx"), options: options { $0.byteCountLimit = 16 << 20 })
      let mender = Mender(large, whole)
      var failures: [String] = []
      run.process(try jobs(["\(folder)/in"], to: "\(folder)/out"), monitor: mender) { outcome in
        if case .failed(_, let error) = outcome { failures.append("\(error)") }
        return true
      }
      #expect(failures.isEmpty, "\(failures)")
      #expect(try names("\(folder)/out") == ["a.png", "b.png"])
    }
  }
}
