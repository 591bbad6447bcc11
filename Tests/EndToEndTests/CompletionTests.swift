import Foundation
import Testing

/// The words that a bash offers at the end of a line, in a folder with some files.
private func offers(_ tool: String, _ line: String, in folder: String) throws -> [String] {
  let script = """
    source <("$1" --generate-completion-script bash)
    cd "$2"
    COMP_LINE=$4 COMP_POINT=${#4}
    IFS=' ' read -ra COMP_WORDS <<<"$4"
    [[ $4 == *' ' ]] && COMP_WORDS+=('')
    COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
    "_$3" "$3" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
    printf '%s\\n' "${COMPREPLY[@]}"
    """
  let process = Process()
  process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
  process.arguments = ["bash", "-c", script, "bash", try toolPath(tool), folder, tool, line]
  let output = Pipe()
  process.standardOutput = output
  try process.run()
  let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
  process.waitUntilExit()
  return text.split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }.sorted()
}

/// Names of files where a file is meant, our words where they are.
@Test(arguments: [
  ("irrun", "irrun as", ["astronaut.png"]), ("irrun", "irrun -i as", ["astronaut.png"]),
  ("irrun", "irrun -m sy", ["symunet.onnx"]), ("irrun", "irrun astronaut.png -o pa", ["packages"]),
  ("irrun", "irrun --if-exists re", ["rename", "resume"]), ("irdump", "irdump sy", ["symunet.onnx"]),
  ("irexport", "irexport sy", ["symunet.onnx"]),
  ("irexport", "irexport dncnn --weights as", ["astronaut.png"]),
  ("irtrain", "irtrain eval sy", ["symunet.onnx"]), ("irdegrade", "irdegrade -i as", ["astronaut.png"]),
  ("irdegrade", "irdegrade -o p", ["packages"]), ("irquality", "irquality score as", ["astronaut.png"]),
]) func aShellOffersFiles(_ tool: String, _ line: String, _ expected: [String]) throws {
  try withFolder { folder in
    for name in ["astronaut.png", "symunet.onnx", "plain.txt"] {
      try Data().write(to: URL(fileURLWithPath: "\(folder)/\(name)"))
    }
    try FileManager.default.createDirectory(atPath: "\(folder)/packages", withIntermediateDirectories: true)
    #expect(try offers(tool, line, in: folder) == expected)
  }
}
