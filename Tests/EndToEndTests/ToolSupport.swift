import Foundation
import IRGraph
import IRONNX
import IROperators
import IRTensor
import ImageRestoration
import Testing

/// A photograph that may be shown, of 320×320 pixels.
let photograph = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
  .deletingLastPathComponent()
  .deletingLastPathComponent().appendingPathComponent("docs/images/astronaut.png").path

/// The end of a tool's run.
struct Outcome {
  var code: Int32
  var output: String
  var errors: String
  /// The most memory that it held, as the system counts it.
  var peakByteCount: Int
}

/// Runs a tool from the folder that the tests were built into.
func run(_ tool: String, _ arguments: String..., interruptAfter seconds: Double? = nil) throws -> Outcome {
  try run(tool, arguments, interruptAfter: seconds)
}

func run(
  _ tool: String, _ arguments: [String], interruptAfter seconds: Double? = nil,
  environment: [String: String] = [:]
) throws -> Outcome {
  let process = Process()
  process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
  // A parent says what the tool's memory came to; an interrupt must meet the tool itself.
  let path = try toolPath(tool)
  let usage = FileManager.default.temporaryDirectory.appendingPathComponent("irkit-\(UUID().uuidString)").path
  defer { try? FileManager.default.removeItem(atPath: usage) }
  let script =
    "import os,resource,subprocess,sys;c=subprocess.call(sys.argv[2:]);"
    + "open(sys.argv[1],'w').write(str(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss));sys.exit(c & 255)"
  process.executableURL = URL(fileURLWithPath: seconds == nil ? "/usr/bin/env" : path)
  process.arguments = seconds == nil ? ["python3", "-c", script, usage, path] + arguments : arguments
  let (output, errors) = (Pipe(), Pipe())
  (process.standardOutput, process.standardError) = (output, errors)
  try process.run()
  if let seconds {
    Thread.sleep(forTimeInterval: seconds)
    process.interrupt()
  }
  let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
  let complaint = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
  process.waitUntilExit()
  let peak = (try? String(contentsOfFile: usage, encoding: .utf8)).flatMap { Int($0) } ?? 0
  return Outcome(
    code: process.terminationStatus, output: text, errors: complaint, peakByteCount: peak * 1024)
}

func withFolder(_ body: (String) throws -> Void) throws {
  let folder = NSTemporaryDirectory() + "irkit-\(UUID().uuidString)"
  try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(atPath: folder) }
  try body(folder)
}

func writePicture(_ path: String, width: Int = 37, height: Int = 21) throws {
  let pixels = (0..<(3 * width * height)).map { Float(($0 * 7919) % 251) / 250 }
  try ImageFile.write(Image(width: width, height: height, channelCount: 3, pixels: pixels), to: path)
}

/// The path of a tool that was built with the tests.
func toolPath(_ tool: String) throws -> String {
  let own = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
  return URL(fileURLWithPath: own).deletingLastPathComponent().appendingPathComponent(tool).path
}

/// The output of a program of the system; it must succeed.
@discardableResult
func system(_ arguments: String..., at folder: String? = nil) throws -> String {
  try system(arguments, at: folder)
}

@discardableResult
func system(_ arguments: [String], at folder: String? = nil) throws -> String {
  let process = Process()
  process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
  process.arguments = arguments
  if let folder { process.currentDirectoryURL = URL(fileURLWithPath: folder) }
  let (output, errors) = (Pipe(), Pipe())
  (process.standardOutput, process.standardError) = (output, errors)
  try process.run()
  let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
  let complaint = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
  process.waitUntilExit()
  #expect(process.terminationStatus == 0, "\(arguments): \(complaint)")
  return text.trimmingCharacters(in: .whitespacesAndNewlines)
}

/// A small network of open sizes: strided and dilated convolutions, pixel shuffle, a skip, all of seeded
/// weights. With `isGlobal` every output depends on the mean of all pixels.
func writeNetwork(
  _ path: String, isGlobal: Bool = false, enlarges: Bool = false, isWide: Bool = false
) throws {
  var builder = GraphBuilder()
  var state: UInt64 = 1
  func weights(_ shape: Shape) -> Tensor {
    let scale = 1 / Float(shape.dropFirst().reduce(1, *)).squareRoot()
    return Tensor(
      (0..<shape.elementCount).map { _ in
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return (Float(state >> 40) / Float(1 << 24) * 2 - 1) * scale
      }, shape: shape)
  }
  func convolution(_ x: ValueID, _ channels: (Int, Int), stride: Int = 1, dilation: Int = 1) throws -> ValueID
  {
    let weight = builder.constant(weights([channels.1, channels.0, 3, 3]))
    let pads = [dilation, dilation]
    let operation = Convolution(
      strides: [stride, stride], padsBefore: pads, padsAfter: pads, dilations: [dilation, dilation])
    return try builder.value(operation, [x, weight])
  }
  let x = builder.input("image", TensorType(.float32, [1, 3, 64, 64]))
  // Convolutions of 32 channels and more are computed in Winograd's form.
  let width = isWide ? 32 : 8
  var first = try builder.value(Unary(.relu), [try convolution(x, (3, width))])
  if isWide { first = try builder.value(Unary(.relu), [try convolution(first, (width, width))]) }
  let down = try builder.value(Unary(.relu), [try convolution(first, (width, width), stride: 2)])
  var middle = try builder.value(Unary(.relu), [try convolution(down, (width, width), dilation: 2)])
  if isGlobal {
    let mean = try builder.value(Reduce(.mean, axes: [2, 3], keepsAxes: true), [middle])
    middle = try builder.value(Binary(.add), [middle, mean])
  }
  let up = try builder.value(DepthToSpace(blockSize: 2), [try convolution(middle, (width, 4 * width))])
  let sum = try builder.value(Binary(.add), [first, up])
  let result =
    enlarges
    ? try builder.value(DepthToSpace(blockSize: 2), [try convolution(sum, (width, 12))])
    : try builder.value(Binary(.add), [x, try convolution(sum, (width, 3))])
  builder.output(result, name: "restored")
  try writeOpenModel(try builder.finished(), to: path)
}

/// A model of open sizes that gives its picture back as it is.
func writeIdentity(_ path: String) throws {
  var builder = GraphBuilder()
  let x = builder.input("image", TensorType(.float32, [1, 3, 8, 8]))
  let one = builder.constant(Tensor(scalar: 1))
  builder.output(try builder.value(Binary(.multiply), [x, one]), name: "restored")
  try writeOpenModel(try builder.finished(), to: path)
}

/// Writes a graph from one picture to one as a model of open height and width.
func writeOpenModel(_ graph: Graph, to path: String) throws {
  var model = try ONNXModel(graph)
  let open: [ONNXDimension] = [.fixed(1), .fixed(3), .symbolic("H"), .symbolic("W")]
  model.graph.inputs[0].type = .tensor(elementType: ElementType.float32.rawValue, shape: open)
  model.graph.outputs[0].type = .tensor(elementType: ElementType.float32.rawValue, shape: nil)
  model.graph.valueInfos = []
  try model.write(to: path)
}

/// A clear sky: a gradient from top to bottom.
func skyPicture(width: Int, height: Int) -> Image {
  let top: [Float] = [120, 150, 205], bottom: [Float] = [180, 200, 230]
  return Image(
    width: width, height: height, channelCount: 3,
    pixels: (0..<(3 * width * height)).map { index in
      let (channel, row) = (index / (width * height), index / width % height)
      return (top[channel] + (bottom[channel] - top[channel]) * Float(row) / Float(height)).rounded() / 255
    })
}

/// A clear sky over textured land.
func landPicture(width: Int, height: Int) -> Image {
  let sky = skyPicture(width: width, height: height)
  var pixels = sky.pixels
  for index in pixels.indices {
    let (channel, row, column) = (index / (width * height), index / width % height, index % width)
    let horizon = Double(height) * (0.5 + 0.05 * sin(Double(column) / 90))
    guard Double(row) > horizon else { continue }
    let (x, y) = (Double(column), Double(row))
    let shape = sin(x / 41 + sin(y / 67)) + sin(y / 23 + x / 97) + 0.5 * sin(x / 5.3 + y / 7.1)
    let grain = Double((row * 7919 + column * 104_729) % 61 - 30) / 3
    pixels[index] = Float([95.0, 110, 60][channel] + 22 * shape + grain) / 255
  }
  return Image(width: width, height: height, channelCount: 3, pixels: pixels)
}
