import IRRestoration

extension ModelCatalogue {
  /// The models that this product carries as resources, which SwiftPM puts beside a program: `symunet-s`,
  /// whose role is `restore`, and the others. A program that is installed elsewhere takes the folder
  /// `irkit_RestorationModels.resources` along.
  public static var bundled: ModelCatalogue { ModelCatalogue(folders: ModelFolders.bundles) }
}
