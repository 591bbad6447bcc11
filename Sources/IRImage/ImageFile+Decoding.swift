import CVips
import Foundation

extension ImageFile {
  /// The picture of a file, upright, grey or in red, green and blue.
  static func decoded(
    _ source: Source, _ limits: Limits, _ colours: ColourChoice, salvages: Bool
  ) throws(ImageError) -> Image {
    do throws(ImageError) { return try decoded(source, limits, colours, VIPS_FAIL_ON_TRUNCATED) } catch {
      guard salvages, case .unreadable(_, let reason) = error,
        var image = try? decoded(source, limits, colours, VIPS_FAIL_ON_NONE)
      else { throw error }
      image.notes.append("it is damaged (\(reason)): the readable part was used")
      return image
    }
  }

  private static func decoded(
    _ source: Source, _ limits: Limits, _ colours: ColourChoice, _ failOn: VipsFailOn
  ) throws(ImageError) -> Image {
    func step(_ handle: VipsHandle?) throws(ImageError) -> VipsHandle {
      guard let handle else { throw unreadable(source.name) }
      return handle
    }
    var metadata = source.metadata
    var notes = source.notes
    let file: VipsHandle
    switch try source.opened(failOn) {
    case .file(let opened):
      _ = try header(opened, source, limits)
      file = opened
      if metadata.iccProfile == nil, let profile = opened.blob(VIPS_META_ICC_NAME),
        source.format != .jxl || !JXLMetadata.isMadeForSRGB(profile)
      {
        metadata.iccProfile = profile
      }
      let count = Int(vips_image_get_n_pages(opened.pointer))
      if source.format == .heif, count > 1 {
        notes.append("the primary one of its \(count) pictures was read")
        metadata.uncarried.insert(count == 2 ? "second picture" : "\(count - 1) further pictures")
      }
    case .own(let header, let decode):
      try limits.check(header, path: source.name)
      file = try decode()
    }
    defer { withExtendedLifetime(file) {} }
    // Decoded whole first: turning needs random access, and a truncated file fails here.
    let decoded = try step(file.derived { ir_vips_to_memory($0, $1) })
    vips_image_set_int(decoded.pointer, VIPS_META_ORIENTATION, Int32(source.orientation))
    let turned = try step(decoded.derived { ir_vips_autorotate($0, $1) })
    metadata = metadata.upright(isTurned: source.orientation > 1)
    let pixels = try normalized(turned, colours, source, &metadata, &notes)
    var image = try image(pixels, source, metadata)
    image.notes = notes
    return image
  }

  /// Grey or RGB, whatever the file had.
  private static func normalized(
    _ handle: VipsHandle, _ colours: ColourChoice, _ source: Source, _ metadata: inout ImageMetadata,
    _ notes: inout [String]
  ) throws(ImageError) -> VipsHandle {
    defer { withExtendedLifetime(handle) {} }
    let space = vips_image_get_interpretation(handle.pointer)
    let format = vips_image_get_format(handle.pointer)
    // The decoder of JPEG XL gives linear light where it cannot give the picture's own colours.
    let isLinear = metadata.iccProfile.map(JXLMetadata.isMadeForLight) ?? false
    if isLinear {
      notes.append("its colours were converted to sRGB, as its decoder does not know their profile")
    }
    if colours == .srgb || isLinear, let profile = metadata.iccProfile ?? impliedProfile(metadata) {
      guard format == VIPS_FORMAT_UCHAR || format == VIPS_FORMAT_USHORT else {
        throw .unreadable(
          path: source.name,
          reason: "its float samples would be clipped by conversion to sRGB: keep its profile")
      }
      handle.set(VIPS_META_ICC_NAME, profile)
      let depth: Int32 = format == VIPS_FORMAT_UCHAR ? 8 : 16
      guard let converted = handle.derived({ ir_vips_to_srgb($0, $1, depth) }) else {
        throw unreadable(source.name)
      }
      metadata = metadata.inSRGB()
      return converted
    }
    if colours == .srgb, let points = metadata.colours.codePoints, !points.isDefault {
      notes.append(
        "its colours, stated by code points \(points.primaries)/\(points.transfer), stay: profiles are converted"
      )
    }
    switch space {
    case VIPS_INTERPRETATION_B_W, VIPS_INTERPRETATION_GREY16, VIPS_INTERPRETATION_sRGB,
      VIPS_INTERPRETATION_RGB, VIPS_INTERPRETATION_RGB16, VIPS_INTERPRETATION_scRGB:
      return handle
    case VIPS_INTERPRETATION_MULTIBAND:
      return handle
    default:
      if let profile = metadata.iccProfile { handle.set(VIPS_META_ICC_NAME, profile) }
      guard let converted = handle.derived({ ir_vips_to_colourspace($0, $1, VIPS_INTERPRETATION_sRGB) })
      else { throw unreadable(source.name) }
      let name = vips_enum_nick(vips_interpretation_get_type(), Int32(space.rawValue)).map {
        String(cString: $0)
      }
      notes.append("its colours (\((name ?? "of print").uppercased())) were converted to sRGB")
      metadata = metadata.inSRGB()
      return converted
    }
  }

  /// The profile of colours that are stated otherwise.
  private static func impliedProfile(_ metadata: ImageMetadata) -> [UInt8]? {
    if let space = RGBSpace(metadata.colours) { return space.profile }
    return metadata.exif.flatMap { ExifBlock($0) }?.isAdobeRGB == true ? RGBSpace.adobe.profile : nil
  }

  /// The image with samples of a format of ours, and the value of white.
  private static func samples(
    of handle: VipsHandle, _ source: Source
  ) throws(ImageError) -> (VipsHandle, Image.SampleFormat, white: Float) {
    let stored = vips_image_get_format(handle.pointer)
    switch stored {
    case VIPS_FORMAT_UCHAR: return (handle, .uint8, 255)
    case VIPS_FORMAT_USHORT: return (handle, .uint16, 65535)
    case VIPS_FORMAT_UINT, VIPS_FORMAT_FLOAT, VIPS_FORMAT_DOUBLE:
      guard let floats = handle.derived({ ir_vips_to_float($0, $1) }) else { throw unreadable(source.name) }
      return (floats, .float32, stored == VIPS_FORMAT_UINT ? Float(UInt32.max) : 1)
    default:
      throw .unreadable(path: source.name, reason: "signed and complex samples are not supported")
    }
  }

  private static func image(
    _ handle: VipsHandle, _ source: Source, _ metadata: ImageMetadata
  ) throws(ImageError) -> Image {
    let (handle, format, storedWhite) = try samples(of: handle, source)
    defer { withExtendedLifetime(handle) {} }
    let largest = source.format == .ppm ? PPMHeader(source.bytes)?.largest : nil
    let white = largest.map { Float($0) } ?? storedWhite
    var byteCount = 0
    guard let memory = vips_image_write_to_memory(handle.pointer, &byteCount) else {
      throw unreadable(source.name)
    }
    defer { g_free(memory) }
    let width = Int(vips_image_get_width(handle.pointer))
    let height = Int(vips_image_get_height(handle.pointer))
    let bands = Int(vips_image_get_bands(handle.pointer))
    let count = width * height
    guard bands >= 1,
      byteCount == count * bands * Int(vips_format_sizeof(vips_image_get_format(handle.pointer)))
    else { throw .unreadable(path: source.name, reason: "\(bands) bands of \(byteCount) bytes in all") }
    let scale = 1 / white
    func planes<T>(_ range: Range<Int>, _ type: T.Type, _ value: (T) -> Float) -> [Float] {
      let samples = memory.assumingMemoryBound(to: type)
      return [Float](unsafeUninitializedCapacity: range.count * count) { buffer, initialized in
        var position = 0
        for band in range {
          for index in 0..<count {
            buffer[position] = value(samples[index * bands + band]) * scale
            position += 1
          }
        }
        initialized = position
      }
    }
    func planes(_ range: Range<Int>) -> [Float] {
      switch format {
      case .uint8: planes(range, UInt8.self) { Float($0) }
      case .uint16: planes(range, UInt16.self) { Float($0) }
      case .float32: planes(range, Float.self) { $0 }
      }
    }
    let channelCount = source.layout?.colourCount(bands: bands) ?? (bands >= 3 ? 3 : 1)
    // TIFF says what the bands beside colour mean; elsewhere the first of them is alpha.
    let meanings = source.layout?.meanings(bands: bands) ?? (bands > channelCount ? [2] : [])
    let alpha = meanings.firstIndex { $0 == 1 || $0 == 2 }
    var metadata = metadata
    metadata.encoding.size = PictureEncoding.Size(width: width, height: height)
    metadata.encoding.extraSamples = meanings.indices.filter { $0 != alpha }.map {
      meanings[$0] == 1 ? 0 : meanings[$0]
    }
    var image = Image(
      width: width, height: height, channelCount: channelCount, pixels: planes(0..<channelCount),
      alpha: alpha.map { planes((channelCount + $0)..<(channelCount + $0 + 1)) }, sampleFormat: format,
      metadata: metadata)
    image.extraChannels = meanings.indices.filter { $0 != alpha }.map { index in
      planes((channelCount + index)..<(channelCount + index + 1))
    }
    return image
  }
}
