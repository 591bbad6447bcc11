import CIRKernels
import CIROperators
import Foundation
import IRCompiler
import IRGraph
import IROperators
import IRRuntime
import IRTestSupport
import Testing

@testable import IRLowering

/// Texts of programs, one for each sample and instruction set: `Tools/scripts/make-programs` writes them
/// anew.
private let programs = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
  .appendingPathComponent("Fixtures/programs")

/// Whether the texts are to be written rather than compared.
private let isWriting = ProcessInfo.processInfo.environment["IR_WRITE_PROGRAMS"] == "1"

private let availableSets = InstructionSet.allCases.filter { $0.isAvailable }

/// Programs and their regions, by instruction set. The chosen one holds for the whole process, so nothing
/// here runs in parallel.
@Suite(.serialized) struct ProgramTests {
  /// Programs are what they were: a move changes no text, and an improvement shows its difference. The
  /// machine model and the instruction set are fixed, so that every processor that has the set gives the same
  /// text.
  @Test(arguments: availableSets)
  func programsAreWhatTheyWere(set: InstructionSet) throws {
    set.select()
    defer { InstructionSet.selectBest() }
    let folder = programs.appendingPathComponent(set.rawValue)
    if isWriting { try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true) }
    for sample in ProgramSample.all {
      let file = folder.appendingPathComponent("\(sample.name).txt")
      let text = "\(try program(of: sample))\n"
      if isWriting { try Data(text.utf8).write(to: file) }
      let known = String(decoding: try Data(contentsOf: file), as: UTF8.self)
      let different = zip(known.split(separator: "\n"), text.split(separator: "\n")).first { $0 != $1 }
      #expect(
        known == text,
        """
        \(set) \(sample.name): \(different.map { "\($0.0) is now \($0.1)" } ?? "it has another length"); \
        Tools/scripts/make-programs writes the texts anew, and git diff shows what changed
        """)
    }
    let files = try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
    #expect(files == ProgramSample.all.map { "\($0.name).txt" }.sorted())
  }

  /// The samples have every operation that the driver knows, and every one that a node can have.
  @Test func programsHaveEveryOperation() throws {
    let names = (0..<IR_REGION_COUNT.rawValue).compactMap { ir_region_name(ir_region_opcode($0)) }
      .map { String(cString: $0) }
    var (found, ofNodes): (Set<String>, Set<String>) = ([], [])
    var (hasWindows, hasWeights) = (false, false)
    for sample in ProgramSample.all {
      let (graph, _) = try Compiler().simplified(try sample.graph())
      for id in graph.nodesInOrder {
        if let operation = graph.regionOperation(
          of: id, CPUKernelLibrary(precision: sample.precision).support)
        {
          ofNodes.insert("\(type(of: operation))")
        }
      }
      for line in try program(of: sample).steps.flatMap(\.kernel.listing) {
        guard line.contains(" -> "), let word = line.split(separator: " ").first else { continue }
        found.insert(String(word))
        hasWindows = hasWindows || line.contains("window")
        hasWeights = hasWeights || line.contains("weights=input")
      }
    }
    #expect(found == Set(names))
    #expect(ofNodes == Set(regionOperations.map { "\($0)" }))
    #expect(hasWindows && hasWeights, "chains with windows, and weights that are computed")
  }

  /// Each instruction set is planned for as wide as it is.
  @Test func machinesAreAsWideAsTheirKernels() throws {
    for isa in availableISAs {
      ir_kernels_select(isa)
      #expect(CPUKernelLibrary().machine.lanes == ir_kernels_for(isa).pointee.lanes)
    }
    ir_kernels_select(ir_isa_best())
  }

  private func program(of sample: ProgramSample) throws -> Program {
    let options = CompilerOptions(
      threadCount: sample.threadCount, memoryByteCount: sample.memoryByteCount,
      allowsFloat16Storage: sample.allowsFloat16Storage)
    let kernels = CPUKernelLibrary(
      hasNearSharedCache: sample.hasNearSharedCache, precision: sample.precision)
    return try Compiler(options: options, kernels: kernels).compile(try sample.graph())
  }
}
