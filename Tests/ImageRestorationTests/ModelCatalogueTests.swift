import Foundation
import IRFiles
import ImageRestoration
import RestorationModels
import Testing

@testable import IRRestoration

@Suite struct ModelCatalogueTests {
  /// A folder that goes with the test.
  private final class Place {
    let path: String
    init() throws {
      path = NSTemporaryDirectory() + "irkit-catalogue-\(UUID().uuidString)"
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }
    deinit { try? FileManager.default.removeItem(atPath: path) }

    @discardableResult func file(_ name: String, _ content: String = "") throws -> String {
      let file = "\(path)/\(name)"
      try FileManager.default.createDirectory(
        atPath: FilePath(file).folder.text, withIntermediateDirectories: true)
      try content.write(toFile: file, atomically: true, encoding: .utf8)
      return file
    }
  }

  @Test func theFirstOfTwoModelsIsTaken() throws {
    let (a, b) = (try Place(), try Place())
    let first = try a.file("Family/mine.onnx")
    try b.file("mine.onnx")
    let other = try b.file("other.onnx")
    try b.file("Family/Deeper/hidden.onnx")
    let catalogue = ModelCatalogue(folders: [a.path, b.path])
    #expect(catalogue.models == ["mine": first, "other": other])
    #expect(try catalogue.path(of: "mine") == first)
    let error = #expect(throws: RestorationError.self) { try catalogue.path(of: "hidden") }
    #expect("\(try #require(error))".hasSuffix("models are mine, other"))
  }

  /// Our names stand for our files, in whatever folder: others of the name are refused, and taken by their
  /// path.
  @Test func ourNamesAreOurFiles() throws {
    let place = try Place()
    let other = try place.file("SymUNet/symunet-s.onnx", "not what was released")
    let catalogue = ModelCatalogue(folders: [place.path])
    for name in ["symunet-s", "restore"] {
      let error = #expect(throws: RestorationError.self) { try catalogue.path(of: name) }
      #expect("\(try #require(error))".contains("not the model symunet-s"))
    }
    #expect(try catalogue.path(of: other) == other)
  }

  @Test func theCheckoutHasWhatIsReleased() throws {
    let checkout = ModelCatalogue(folders: [try #require(ModelCatalogue.folder)])
    #expect(ModelCatalogue.releasedDigests.keys.sorted() == checkout.models.keys.sorted())
    for name in ModelCatalogue.releasedDigests.keys {
      #expect(try ModelCatalogue.path(of: name).hasSuffix("\(name).onnx"))
    }
  }

  @Test func foldersAreFoundInOrder() throws {
    let place = try Place()
    for folder in [
      "env/x", "prefix/share/irkit/models/x", "prefix/bin/models/x", "home/.local/share/irkit/models/x",
      "xdg/irkit/models/x", "prefix/bin/irkit_RestorationModels.resources/x",
    ] {
      try place.file(folder)
    }
    func folders(_ variables: [String: String]) -> [String] {
      ModelFolders.folders(near: ["\(place.path)/prefix/bin/irrun"]) { variables[$0] }
        .map {
          String(
            $0.split(separator: "/").drop { !$0.hasPrefix("irkit-catalogue") }.dropFirst().joined(
              separator: "/"))
        }
    }
    let own = [
      "prefix/bin/models", "prefix/share/irkit/models", "prefix/bin/irkit_RestorationModels.resources",
    ]
    #expect(folders([:]) == own)
    #expect(folders(["IRKIT_MODELS": "\(place.path)/env:\(place.path)/none"]) == ["env"] + own)
    #expect(folders(["HOME": "\(place.path)/home"]) == own + ["home/.local/share/irkit/models"])
    #expect(
      folders(["HOME": "\(place.path)/home", "XDG_DATA_HOME": "\(place.path)/xdg"]) == own + [
        "xdg/irkit/models"
      ])
    #expect(folders(["XDG_DATA_HOME": "xdg"]) == own)
  }

  /// The resources beside the program are what is released, and open by role.
  @Test func theResourcesAreWhatIsReleased() throws {
    #expect(ModelCatalogue.bundled.models.keys.sorted() == ModelCatalogue.releasedDigests.keys.sorted())
    for name in ModelCatalogue.releasedDigests.keys {
      #expect(
        try ModelCatalogue.bundled.path(of: name).hasSuffix("irkit_RestorationModels.resources/\(name).onnx"))
    }
    #expect(try Restorer(model: "denoise", in: .bundled).path.hasSuffix("symunet-denoise.onnx"))
    let error = #expect(throws: RestorationError.self) {
      try SharedRestorer(model: "restore", in: ModelCatalogue(folders: []))
    }
    #expect("\(try #require(error))" == "restore: no such file or model; no models were found")
  }

  @Test func aModelIsNamedByURL() throws {
    let path = try ModelCatalogue.path(of: "restore")
    // A file of any name, also one that is a model's name.
    let place = try Place()
    let other = "\(place.path)/denoise"
    try FileManager.default.copyItem(atPath: path, toPath: other)
    #expect(try Restorer(contentsOf: URL(fileURLWithPath: other)).path == other)
    #expect(try SharedRestorer(contentsOf: URL(fileURLWithPath: path)).path == path)
    let address = try #require(URL(string: "https://example.org/restore.onnx"))
    let error = #expect(throws: RestorationError.self) { try Restorer(contentsOf: address) }
    #expect("\(try #require(error))" == "https://example.org/restore.onnx: not a file URL")
  }

  /// A folder `Models` where a program is started is not looked at.
  @Test func theWorkingDirectoryIsNoPlace() throws {
    #expect(!ModelFolders.folders(near: [], variable: { _ in nil }).contains { $0.hasSuffix("/Models") })
  }
}
