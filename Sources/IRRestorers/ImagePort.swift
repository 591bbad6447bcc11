import IRONNX
import IRTensor

/// An input or an output of a network that is a picture, as the file declares it.
package struct ImagePort: Hashable, Sendable {
  package enum Layout: String, Hashable, Sendable {
    case nchw = "[N, C, H, W]"
    case nhwc = "[N, H, W, C]"
    case chw = "[C, H, W]"
    case hwc = "[H, W, C]"

    var channelAxis: Int {
      switch self {
      case .nchw: 1
      case .nhwc: 3
      case .chw: 0
      case .hwc: 2
      }
    }

    package var sideAxes: (height: Int, width: Int) {
      switch self {
      case .nchw: (2, 3)
      case .nhwc, .chw: (1, 2)
      case .hwc: (0, 1)
      }
    }

    package var hasBatch: Bool { self == .nchw || self == .nhwc }
    var rank: Int { hasBatch ? 4 : 3 }

    /// The layouts of a rank, the commoner first.
    static func all(rank: Int) -> [Layout] {
      switch rank {
      case 4: [.nchw, .nhwc]
      case 3: [.chw, .hwc]
      default: []
      }
    }
  }

  /// Channels of a picture and what may stand beside it: grey, grey with a noise map, colour, colour with a
  /// noise map.
  static let channelCounts = 1...4

  package var name: String
  package var layout: Layout
  package var elementType: ElementType
  /// Pictures that the network takes at once.
  package var batch: Int
  /// Whether the file leaves the number of pictures open.
  package var isBatchOpen = false
  package var channelCount: Int
  /// The sides that the file fixes, nil if they are open.
  package var height: Int?
  package var width: Int?

  /// The declared extents with these sides.
  package func shape(height: Int, width: Int) -> Shape {
    var extents = [Int](repeating: 1, count: layout.rank)
    if layout.hasBatch { extents[0] = batch }
    extents[layout.channelAxis] = channelCount
    extents[layout.sideAxes.height] = height
    extents[layout.sideAxes.width] = width
    return Shape(extents)
  }

  /// The role of an axis: 1 for the batch, a side for height and width, nil for channels.
  package func extent(ofAxis axis: Int, height: Int, width: Int) -> Int? {
    if axis == layout.sideAxes.height { return height }
    if axis == layout.sideAxes.width { return width }
    return layout.hasBatch && axis == 0 ? 1 : nil
  }

  /// Whether the network takes or gives the picture as `[1, C, H, W]` float32.
  var isPlain: Bool { layout == .nchw && batch == 1 && elementType == .float32 }
}

extension ImagePort {
  private static let elementTypes: Set<ElementType> = [.float32, .float16, .bfloat16, .float64, .uint8]
  /// Pictures at once, at most: each costs as much as one.
  private static let batchLimit: Int64 = 64
  private static let sideLimit: Int64 = 1 << 16
  /// A fixed extent below this is not taken for a side if channels are open.
  private static let leastSide: Int64 = 16

  /// The port as a picture; nil if it is not one. Sides that the file leaves open are nil, an open batch is
  /// 1, and open channels are 3.
  package init?(_ info: ONNXValueInfo) {
    guard case .tensor(let raw, let dimensions?) = info.type, let type = ElementType(rawValue: raw),
      Self.elementTypes.contains(type), let layout = Self.layout(dimensions)
    else { return nil }
    let fixed = dimensions.map(\.fixedExtent)
    let channels = fixed[layout.channelAxis] ?? 3
    let batch = layout.hasBatch ? fixed[0] ?? 1 : 1
    let extents = fixed.compactMap { $0 }
    guard batch <= Self.batchLimit, extents.allSatisfy({ $0 <= Self.sideLimit }),
      Self.channelCounts.contains(Int(channels))
    else { return nil }
    self.init(
      name: info.name, layout: layout, elementType: type, batch: Int(batch), channelCount: Int(channels),
      height: fixed[layout.sideAxes.height].map { Int(clamping: $0) },
      width: fixed[layout.sideAxes.width].map { Int(clamping: $0) })
    isBatchOpen = layout.hasBatch && fixed[0] == nil
    // A number for each channel is not an image.
    if height == 1, width == 1 { return nil }
  }

  /// Channels tell the layout: they are few where sides are many or open.
  private static func layout(_ dimensions: [ONNXDimension]) -> Layout? {
    let layouts = Layout.all(rank: dimensions.count)
    let stated = layouts.first { layout in
      dimensions[layout.channelAxis].fixedExtent.map { channelCounts.contains(Int(clamping: $0)) } ?? false
    }
    if let stated { return stated }
    let named = layouts.first { layout in
      guard case .symbolic(let name) = dimensions[layout.channelAxis] else { return false }
      return ["c", "channel", "channels"].contains(name.lowercased())
    }
    // Channels that are open stand before sides, which are many.
    return named
      ?? layouts.first.flatMap { layout in
        let isOpen = dimensions[layout.channelAxis].fixedExtent == nil
        let sides = [layout.sideAxes.height, layout.sideAxes.width]
        return isOpen && sides.allSatisfy { (dimensions[$0].fixedExtent ?? leastSide) >= leastSide }
          ? layout : nil
      }
  }

  /// Whether an input beside the picture may be a map of the noise level.
  package var mayBeNoiseMap: Bool { channelCount == 1 && !name.lowercased().contains("mask") }

  /// Whether the name says that it is one.
  var isNamedNoiseMap: Bool { channelCount == 1 && RestorationModel.isNamedNoise(name) }

  package var description: String {
    func side(_ extent: Int?, _ name: String) -> String { extent.map(String.init) ?? name }
    let extents = shape(height: 0, width: 0).extents
    var parts = extents.map(String.init)
    parts[layout.sideAxes.height] = side(height, "H")
    parts[layout.sideAxes.width] = side(width, "W")
    return "\(name): \(elementType)[\(parts.joined(separator: ", "))]"
  }
}

extension ONNXDimension {
  /// The extent that the file fixes; some exporters write 0 or -1 for an open one.
  var fixedExtent: Int64? {
    if case .fixed(let extent) = self, extent > 0 { extent } else { nil }
  }
}
