import IRGraph
import IROperators
import IRTensor

extension ONNXOperatorTable {
  static let recurrentWriters: [(String, Writer)] = [
    writer(Recurrence.self) { (recurrence, w) throws(ExportFailure) in
      let opTypes: [RecurrentCell: String] = [.simple: "RNN", .gru: "GRU", .lstm: "LSTM"]
      guard let opType = opTypes[recurrence.cell], let hidden = w.inputTypes[2].shape.last else {
        throw ExportFailure("a recurrent layer of \(recurrence.cell.rawValue)")
      }
      let functions = recurrence.activations
      let alphas = functions.filter { $0.function.parameters.alpha != nil }.map(\.alpha)
      let betas = functions.filter { $0.function.parameters.beta != nil }.map(\.beta)
      var operands = w.inputs
      if w.inputTypes[4].elementType != .int32 {
        operands[4] = w.step("Cast", [operands[4]], [.int("to", Int(ElementType.int32.rawValue))])
      }
      w.emit(
        opType, operands,
        [
          .int("hidden_size", hidden), .string("direction", recurrence.direction.rawValue),
          .strings("activations", functions.map(\.function.onnxName)),
          alphas.isEmpty ? nil : .floats("activation_alpha", alphas),
          betas.isEmpty ? nil : .floats("activation_beta", betas),
          recurrence.clip > 0 ? .float("clip", recurrence.clip) : nil,
          recurrence.cell == .gru ? .flag("linear_before_reset", recurrence.isLinearBeforeReset) : nil,
          recurrence.cell == .lstm ? .flag("input_forget", recurrence.couplesForget) : nil,
        ])
    }
  ]
}

extension RecurrentFunction {
  fileprivate var onnxName: String { rawValue.prefix(1).uppercased() + rawValue.dropFirst() }
}
