import ArgumentParser
import Foundation
import IRTraining

/// Runs the command; ArgumentParser's code for wrong usage becomes the documented 2.
@main
enum Main {
  static func main() {
    do {
      var command = try IRTrain.parseAsRoot()
      try command.run()
    } catch {
      guard IRTrain.exitCode(for: error) == .validationFailure else { IRTrain.exit(withError: error) }
      complain(IRTrain.fullMessage(for: error))
      Foundation.exit(2)
    }
  }
}

struct IRTrain: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "irtrain",
    abstract: "Trains and fine-tunes restorers, and measures them.",
    discussion: """
      irtrain MODEL.onnx --clean DIR --tasks noise25,rain --steps 20000 -o OUT.onnx
      irtrain MODEL.onnx --pairs LOW HIGH --steps 2000 -o OUT.onnx
      irtrain eval OUT.onnx --sets DIR --tasks noise15,noise25,noise50
      irtrain export OUT.checkpoint MODEL.onnx -o SO-FAR.onnx
      irtrain average OLD.onnx FINE-TUNED.onnx -o BETWEEN.onnx

      A run starts from any frozen model whose input is one image and whose output is an image of its size: fresh \
      from irexport, or trained. Exit codes: 0, 2 usage, 3 the model, the data or the checkpoint was rejected, \
      4 the run diverged, 130 and 143 interrupted (a checkpoint is written first).
      """,
    subcommands: [Train.self, Evaluate.self, Export.self, Average.self, Batches.self, Step.self],
    defaultSubcommand: Train.self)
}

/// A line on the error stream.
func complain(_ text: String) { FileHandle.standardError.write(Data((text + "\n").utf8)) }

/// Runs `body`; its errors become lines and exit codes.
func withExitCodes(_ body: () throws -> Void) throws {
  do { try body() } catch let error as ValidationError { throw error } catch let code as ExitCode {
    throw code
  } catch let error as CleanExit {
    throw error
  } catch {
    complain("irtrain: \(error)")
    if let training = error as? TrainingError, case .diverged = training { throw ExitCode(4) }
    throw ExitCode(3)
  }
}
