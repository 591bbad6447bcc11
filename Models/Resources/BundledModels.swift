import IRRestoration

extension ModelCatalogue {
  /// The models of this product: `symunet-s`, whose role is `restore`, and the others. They are resources
  /// that SwiftPM puts beside the program, in the folder `irkit_RestorationModels.resources`; a program that
  /// is installed elsewhere needs a copy of it.
  public static var bundled: ModelCatalogue { ModelCatalogue(folders: ModelFolders.bundles) }
}
