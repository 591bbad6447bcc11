// The names are those of irkit.h.
// swift-format-ignore-file: AlwaysUseLowerCamelCase

import CIRKit
import IRFiles
import IRInference
import IRONNX
import IRRuntime
import IRTensor

/// A session with what C reads of its model.
final class CSession: Sendable {
  let session: InferenceSession
  let inputs: [CPort]
  let outputs: [CPort]
  /// Keys and values.
  let properties: [(CText, CText)]

  init(_ session: InferenceSession) {
    self.session = session
    inputs = session.inputs.map { CPort($0) }
    outputs = session.outputs.map { CPort($0) }
    let model = session.model
    let own = [
      ("producer_name", model.producerName), ("domain", model.domain), ("graph_name", model.graph.name),
      ("description", model.docString),
    ]
    properties = (own + model.metadata.map { ($0.key, $0.value) }).map { (CText($0.0), CText($0.1)) }
  }
}

private func open(
  _ options: UnsafePointer<irkit_options>?, _ session: UnsafeMutablePointer<OpaquePointer?>?,
  _ error: ErrorText?, _ make: (RuntimeOptions) throws -> InferenceSession
) -> irkit_status {
  session?.pointee = nil
  return reporting(error) {
    guard let session else { throw ArgumentError("there is no place for the session") }
    session.pointee = Handle.make(CSession(try make(RuntimeOptions(options))))
  }
}

@c @implementation
public func irkit_session_open(
  _ path: UnsafePointer<CChar>?, _ options: UnsafePointer<irkit_options>?,
  _ session: UnsafeMutablePointer<OpaquePointer?>?, _ error: ErrorText?
) -> irkit_status {
  open(options, session, error) { options in
    guard let path else { throw ArgumentError("there is no path") }
    return try InferenceSession(contentsOf: FilePath(path).text, options: options)
  }
}

@c @implementation
public func irkit_session_read(
  _ bytes: UnsafeRawPointer?, _ count: Int, _ options: UnsafePointer<irkit_options>?,
  _ session: UnsafeMutablePointer<OpaquePointer?>?, _ error: ErrorText?
) -> irkit_status {
  open(options, session, error) { options in
    guard let bytes, count > 0 else { throw ArgumentError("there are no bytes") }
    return try InferenceSession(bytes: UnsafeRawBufferPointer(start: bytes, count: count), options: options)
  }
}

@c @implementation
public func irkit_session_close(_ session: OpaquePointer?) { Handle.release(session, CSession.self) }

@c @implementation
public func irkit_session_input_count(_ session: OpaquePointer?) -> Int {
  Handle.object(session, CSession.self)?.inputs.count ?? 0
}

@c @implementation
public func irkit_session_output_count(_ session: OpaquePointer?) -> Int {
  Handle.object(session, CSession.self)?.outputs.count ?? 0
}

private func port(_ ports: [CPort]?, _ index: Int, _ port: UnsafeMutablePointer<irkit_port>?) -> irkit_status
{
  guard let ports, let port, ports.indices.contains(index) else { return IRKIT_INVALID_ARGUMENT }
  port.pointee = ports[index].port
  return IRKIT_OK
}

@c @implementation
public func irkit_session_input(
  _ session: OpaquePointer?, _ index: Int, _ result: UnsafeMutablePointer<irkit_port>?
) -> irkit_status {
  port(Handle.object(session, CSession.self)?.inputs, index, result)
}

@c @implementation
public func irkit_session_output(
  _ session: OpaquePointer?, _ index: Int, _ result: UnsafeMutablePointer<irkit_port>?
) -> irkit_status {
  port(Handle.object(session, CSession.self)?.outputs, index, result)
}

@c @implementation
public func irkit_session_property_count(_ session: OpaquePointer?) -> Int {
  Handle.object(session, CSession.self)?.properties.count ?? 0
}

@c @implementation
public func irkit_session_property(
  _ session: OpaquePointer?, _ index: Int, _ key: TextPlace?,
  _ value: TextPlace?
) -> irkit_status {
  give(Handle.object(session, CSession.self)?.properties, at: index, to: key, value)
}

@c @implementation
public func irkit_session_run(
  _ session: OpaquePointer?, _ inputs: UnsafePointer<irkit_tensor>?, _ count: Int,
  _ progress: irkit_progress?, _ context: UnsafeMutableRawPointer?,
  _ results: UnsafeMutablePointer<OpaquePointer?>?, _ error: ErrorText?
) -> irkit_status {
  results?.pointee = nil
  return reporting(error) {
    guard let session = Handle.object(session, CSession.self) else {
      throw ArgumentError("there is no session")
    }
    guard let results else { throw ArgumentError("there is no place for the results") }
    guard count == 0 || (count > 0 && inputs != nil) else { throw ArgumentError("there are no inputs") }
    let given = UnsafeBufferPointer(start: inputs, count: count)
    let outputs = try session.run(given) { done, count in
      progress.map { $0(context, Double(done) / Double(count)) == 0 } ?? true
    }
    results.pointee = Handle.make(CResults(outputs))
  }
}

extension CSession {
  /// The outputs in the model's order.
  fileprivate func run(
    _ inputs: UnsafeBufferPointer<irkit_tensor>, _ goesOn: @escaping (Int, Int) -> Bool
  ) throws -> [(name: String, tensor: Tensor)] {
    var tensors: [String: Tensor] = [:]
    for (index, input) in inputs.enumerated() {
      guard let text = input.name else { throw ArgumentError("input \(index) has no name") }
      let name = String(cString: text)
      guard tensors[name] == nil else { throw ArgumentError("input \(name) is given twice") }
      tensors[name] = try Tensor(borrowing: input, name: name)
    }
    let results = try session.run(tensors, monitor: goesOn)
    var outputs: [(String, Tensor)] = []
    for output in session.outputs {
      if let tensor = results[output.name] { outputs.append((output.name, tensor)) }
      for index in 0..<results.count {
        guard output.kind != .tensor, let tensor = results["\(output.name).\(index)"] else { break }
        outputs.append(("\(output.name).\(index)", tensor))
      }
    }
    return outputs
  }
}
