import ArgumentParser
import IRImage

/// Bits of a sample in picture files; `auto` keeps those of the input.
package enum SampleDepth: String, ExpressibleByArgument, CaseIterable, Sendable {
  case auto
  case bits8 = "8"
  case bits16 = "16"
  case float32 = "32f"

  package var sampleFormat: Image.SampleFormat? {
    switch self {
    case .auto: nil
    case .bits8: .uint8
    case .bits16: .uint16
    case .float32: .float32
    }
  }
}
