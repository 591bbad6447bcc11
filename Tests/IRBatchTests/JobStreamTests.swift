import Foundation
import IRBatch
import ImageRestoration
import Synchronization
import Testing

/// Lists that grow while their pictures are restored.
@Suite struct JobStreamTests {
  private func stream(
    _ pipe: Pipe, to output: String, ifExists: ExistingFile = .overwrite, shard: Shard? = nil
  ) throws -> JobStream {
    var options = OutputOptions()
    options.ifExists = ifExists
    let destination = try Destination(output, model: "m", format: nil, hasSeveral: true)
    return try JobStream(
      LineStream(pipe.fileHandleForReading.fileDescriptor), to: destination, reference: nil, shard: shard,
      options: options)
  }

  /// Each line is answered before the next one is written: nobody waits for the list's end.
  @Test func everyLineIsAnsweredBeforeTheNext() throws {
    try withFolder { folder in
      let pipe = Pipe()
      // The descriptors are open while the pipe lives.
      defer { withExtendedLifetime(pipe) {} }
      let writer = pipe.fileHandleForWriting
      for name in ["a", "b", "c"] { try writePicture("\(folder)/\(name).png") }
      let lines = ["a.png", "none.png", "b.png", "", "c.png"].map { $0.isEmpty ? "" : "\(folder)/\($0)" }
      let run = ImageRun(restorer: try makeRestorer("\(folder)/m.onnx"), options: ImageRun.Options())
      var answers: [String] = []
      var rest = lines[...]
      func writeNext() {
        while let line = rest.popFirst() {
          writer.write(Data((line + "\n").utf8))
          if !line.isEmpty { return }
        }
        try? writer.close()
      }
      writeNext()
      run.process(try stream(pipe, to: "\(folder)/out")) { outcome in
        switch outcome {
        case .done(let report): answers.append(report.input)
        case .kept(let job): answers.append("kept \(job.input)")
        case .failed(let job, let error): answers.append("\(job.input): \(error)")
        }
        writeNext()
        return true
      }
      #expect(
        answers == [lines[0], "\(lines[1]): \(lines[1]): no such file", lines[2], lines[4]], "\(answers)")
      #expect(try names("\(folder)/out") == ["a.png", "b.png", "c.png"])
    }
  }

  @Test func wrongLinesAreFailuresOfTheirOwn() throws {
    try withFolder { folder in
      for name in ["a", "b"] { try writePicture("\(folder)/\(name).png") }
      try makeFolder("\(folder)/deep")
      try writePicture("\(folder)/deep/a.png")
      try write("x", to: "\(folder)/t.npy")
      let pipe = Pipe()
      defer { withExtendedLifetime(pipe) {} }
      let names = ["a.png", "a.png", "deep/a.png", "deep", "t.npy", "b.png"]
      let text = names.map { "\(folder)/\($0)\r\n" }.joined() + String(repeating: "x", count: 70_000)
      Thread.detachNewThread {
        pipe.fileHandleForWriting.write(Data(text.utf8))
        try? pipe.fileHandleForWriting.close()
      }
      let jobs = try stream(pipe, to: "\(folder)/out")
      var found: [String] = []
      loop: while true {
        switch jobs.next(waits: true) {
        case .job(let job): found.append(job.output.name.text)
        case .kept: found.append("kept")
        case .failed(_, let error): found.append("\(error)")
        case .notYet: found.append("not yet")
        case .end: break loop
        }
      }
      #expect(found.count == 7)
      // The same file may come again, another file of its name may not take its output.
      #expect(found[0] == "a.png" && found[1] == "a.png" && found[5] == "b.png")
      #expect(found[2].contains("would both be written"))
      #expect(found[3].contains("not a folder") && found[4].contains("not files of tensors"))
      #expect(found[6].contains("a line has more than 65536 bytes"), "\(found)")
      if case .end = jobs.next(waits: false) {} else { Issue.record("the end stays the end") }
    }
  }

  /// The first piece of a list says what separates its paths; a zero in a later line is a failure of that
  /// line.
  @Test func zerosSeparateFromTheFirstPieceOn() throws {
    try withFolder { folder in
      for name in ["a", "two\nlines", "b"] { try writePicture("\(folder)/\(name).png") }
      func found(_ pieces: [String]) throws -> [String] {
        let pipe = Pipe()
        defer { withExtendedLifetime(pipe) {} }
        let jobs = try stream(pipe, to: "\(folder)/out")
        var found: [String] = []
        for piece in pieces {
          pipe.fileHandleForWriting.write(Data(piece.utf8))
          switch jobs.next(waits: true) {
          case .job(let job): found.append(job.output.name.text)
          case .failed(_, let error): found.append("\(error)")
          default: found.append("nothing")
          }
        }
        try pipe.fileHandleForWriting.close()
        // To the end, behind which the descriptor is not read.
        if case .end = jobs.next(waits: true) {} else { found.append("more") }
        return found
      }
      #expect(
        try found(["\(folder)/two\nlines.png\0", "\(folder)/b.png\0"]) == ["two\nlines.png", "b.png"])
      let mixed = try found(["\(folder)/a.png\n", "\(folder)/b.png\0\n", "\(folder)/b.png\r\n"])
      #expect(mixed[0] == "a.png" && mixed[1].contains("a NUL follows") && mixed[2] == "b.png", "\(mixed)")
    }
  }

  @Test func existingOutputsOfAStream() throws {
    try withFolder { folder in
      try makeFolder("\(folder)/out")
      for name in ["a", "b", "out/a"] { try writePicture("\(folder)/\(name).png") }
      func found(_ choice: ExistingFile) throws -> [String] {
        let pipe = Pipe()
        defer { withExtendedLifetime(pipe) {} }
        let jobs = try stream(pipe, to: "\(folder)/out", ifExists: choice)
        pipe.fileHandleForWriting.write(Data("\(folder)/a.png\n\(folder)/b.png".utf8))
        try pipe.fileHandleForWriting.close()
        // To the end, behind which the descriptor is not read.
        return (0..<3).map { _ in
          switch jobs.next(waits: true) {
          case .job(let job): job.output.name.text
          case .kept: "kept"
          case .failed: "failed"
          case .notYet: "not yet"
          case .end: "end"
          }
        }
      }
      #expect(try found(.overwrite) == ["a.png", "b.png", "end"])
      #expect(try found(.skip) == ["kept", "b.png", "end"])
      #expect(try found(.rename) == ["a-1.png", "b.png", "end"])
      #expect(try found(.fail) == ["failed", "b.png", "end"])
    }
  }

  /// Inputs of the command and lines of the list are one list, of which parts may be taken.
  @Test func inputsAndLinesAreOneList() throws {
    try withFolder { folder in
      for name in ["a", "b", "c"] { try writePicture("\(folder)/\(name).png") }
      try write("x", to: "\(folder)/t.npy")
      func outputs(_ index: Int) throws -> [String] {
        let pipe = Pipe()
        defer { withExtendedLifetime(pipe) {} }
        pipe.fileHandleForWriting.write(Data("\(folder)/b.png\n\(folder)/c.png\n".utf8))
        try pipe.fileHandleForWriting.close()
        var input = InputOptions()
        (input.list, input.shard) = (Job.stream.text, Shard(index: index, count: 2))
        let batch = try Batch(
          ["\(folder)/a.png"], to: "\(folder)/out", model: "m", input: input, options: OutputOptions(),
          lines: LineStream(pipe.fileHandleForReading.fileDescriptor))
        #expect(batch.count == nil && !batch.isOfTensors)
        let jobs = batch.jobs
        var found: [String] = []
        while case .job(let job) = jobs.next(waits: true) {
          found.append(job.output.name.text)
        }
        return found
      }
      #expect(try outputs(1) == ["a.png", "c.png"])
      #expect(try outputs(2) == ["b.png"])
      var input = InputOptions()
      input.list = Job.stream.text
      #expect(throws: BatchError.self) {
        try Batch(
          ["\(folder)/t.npy"], to: "\(folder)/out", model: "m", input: input, options: OutputOptions(),
          lines: LineStream(-1))
      }
    }
  }
}
