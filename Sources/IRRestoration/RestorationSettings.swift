import IRRestorers

/// Choices of a restoration beside the model.
public struct RestorationSettings: Sendable {
  /// The treatment of a picture in colour by a model of one channel.
  public enum GreyHandling: String, Sendable, CaseIterable {
    /// Restores red, green and blue one after another.
    case channels
    /// Restores the luma; colours are the input's, enlarged cubically where the model enlarges.
    case luma
  }

  /// The side of square tiles in input pixels; nil restores the picture whole where that fits the memory.
  public var tileSize: Int?
  /// Input pixels that neighbouring tiles share where they are blended, for models by which every pixel
  /// depends on the whole picture. Exact tiles know their own margin.
  public var overlap = 64
  /// The mean over the eight turns and mirrorings of the picture.
  public var isAugmented = false
  /// σ of the noise on a scale of 0...255, for models that take it; nil estimates it from each picture.
  public var noiseLevel: Double?
  /// An estimated noise level is multiplied by this: more removes more. A number, 1 too, also states that the
  /// model takes a level where its file does not tell.
  public var noiseFactor: Double? {
    didSet { noiseFactor = noiseFactor.map { $0.isFinite ? max($0, 0) : 1 } }
  }
  /// Noise levels are at most this.
  static let largestNoiseLevel = 255.0
  /// The share of the restoration in the result, 0...1: input + strength · (restored - input). The result is
  /// the input, to the bit, at 0 and the restoration at 1. Models that enlarge are blended with the input's
  /// cubic enlargement.
  public var strength = 1.0 {
    didSet { strength = Self.clamped(strength, else: 1) }
  }
  /// The share of the input's fine brightness in the result, 0...1: of each sample strength · detail · F is
  /// taken away again, where F is the fine part (`FineDetail`) of the luma of (restored - input). Colour is
  /// not concerned, and with it no coloured noise.
  public var detail = 0.0 {
    didSet { detail = Self.clamped(detail, else: 0) }
  }
  /// Whether values between the network's steps may be kept as float16 where tiles would have to be blended
  /// otherwise.
  public var allowsFloat16Storage = true
  /// The model's output that is the restored picture; by default the one that is likeliest.
  public var outputName: String?
  /// The model's numbers for black and white, where its file does not state them.
  public var inputRange: ValueRange?
  /// Those of its result; by default the input's.
  public var outputRange: ValueRange?
  public var greyHandling = GreyHandling.channels
  /// Pictures for the model's other inputs, by name: a mask, a neighbouring frame. Their sides are the
  /// image's.
  public var pictures: [String: Image] = [:]

  /// Whether results say how long each step took.
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
