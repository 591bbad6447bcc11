import IRRestorers

/// Choices of a restoration besides the model.
public struct RestorationSettings: Sendable {
  /// How a model of one channel restores an image in colour.
  public enum GreyHandling: String, Sendable, CaseIterable {
    /// Restores red, green and blue one after another.
    case channels
    /// Restores the luma. Chroma is the input's, enlarged cubically if the model enlarges.
    case luma
  }

  /// The side of tiles in input pixels; nil: one piece if the memory suffices, else the largest tiles that
  /// fit.
  public var tileSize: Int?
  /// The overlap of blended tiles in input pixels. Exact tiles have the margin that the model needs.
  public var overlap = 64
  /// Whether the result is the mean over the eight rotations and reflections of the image.
  public var isAugmented = false
  /// σ of the noise on a scale of 0...255, for models that take a noise level; nil: estimated from each
  /// picture.
  public var noiseLevel: Double?
  /// The factor of an estimated noise level: a larger one removes more. A number, 1 too, also states that the
  /// model takes a level if its file does not.
  public var noiseFactor: Double? {
    didSet { noiseFactor = noiseFactor.map { $0.isFinite ? max($0, 0) : 1 } }
  }
  /// Noise levels are at most this.
  static let largestNoiseLevel = 255.0
  /// The strength of the restoration, 0...1: the result is input + strength · (restored - input). At 0 it is
  /// the input to the bit, at 1 the restoration. If the model enlarges, `input` is the cubic enlargement.
  public var strength = 1.0 {
    didSet { strength = Self.clamped(strength, else: 1) }
  }
  /// The share of the input's fine luminance that is kept, 0...1: strength · detail · F is subtracted from
  /// each sample, where F is the fine part (`FineDetail`) of the luma of (restored - input). Coloured noise
  /// does not return.
  public var detail = 0.0 {
    didSet { detail = Self.clamped(detail, else: 0) }
  }
  /// Whether feature maps may be stored as float16 before falling back to blended tiles.
  public var allowsFloat16Storage = true
  /// The model's output that is the restored image; nil: the one that resembles its input most.
  public var outputName: String?
  /// The model's values of black and white, if its file does not state them.
  public var inputRange: ValueRange?
  /// Those of its result; nil: the input's.
  public var outputRange: ValueRange?
  public var greyHandling = GreyHandling.channels
  /// Images for the model's other inputs, by name: a mask, a neighbouring frame. They have the image's sides.
  public var pictures: [String: Image] = [:]

  /// Whether results have a profile.
  public var isProfiled = false

  public init(
    tileSize: Int? = nil, overlap: Int = 64, isAugmented: Bool = false, noiseLevel: Double? = nil,
    strength: Double = 1, detail: Double = 0, allowsFloat16Storage: Bool = true
  ) {
    self.tileSize = tileSize
    self.overlap = overlap
    self.isAugmented = isAugmented
    self.noiseLevel = noiseLevel
    self.strength = Self.clamped(strength, else: 1)
    self.detail = Self.clamped(detail, else: 0)
    self.allowsFloat16Storage = allowsFloat16Storage
  }

  /// Whether they state that the model takes a noise level.
  var statesNoise: Bool { noiseLevel != nil || noiseFactor != nil }

  /// Whether nothing of the input is blended in.
  package var isWhole: Bool { strength == 1 && detail == 0 }

  private static func clamped(_ share: Double, else replacement: Double) -> Double {
    share.isNaN ? replacement : min(max(share, 0), 1)
  }

  func wishes(multiple: Int?) -> RestorationModel.Wishes {
    var wishes = RestorationModel.Wishes()
    wishes.multiple = multiple
    wishes.hasNoiseLevel = statesNoise
    wishes.pictures = Set(pictures.keys)
    wishes.output = outputName
    (wishes.inputRange, wishes.outputRange) = (inputRange, outputRange)
    return wishes
  }
}
