import CIRKit
import IRPicture

extension PixelBuffer {
  init(_ picture: UnsafePointer<irkit_picture>?, name: String) throws {
    guard let picture = picture?.pointee, let data = picture.data else {
      throw ArgumentError("the \(name) has no data")
    }
    let formats: [UInt32: Image.SampleFormat] = [
      IRKIT_UINT8.rawValue: .uint8, IRKIT_UINT16.rawValue: .uint16, IRKIT_FLOAT32.rawValue: .float32,
    ]
    guard let format = formats[picture.sample.rawValue] else {
      throw ArgumentError("the \(name)'s samples are of the unknown kind \(picture.sample.rawValue)")
    }
    try self.init(
      data, width: Int(picture.width), height: Int(picture.height), channelCount: Int(picture.channels),
      format: format,
      strides: Strides(
        row: picture.row_stride, pixel: picture.pixel_stride, channel: picture.channel_stride))
  }
}
