/// Errors of a diffusion model's schedule, and of what it is asked to do.
package enum DiffusionError: Error, Hashable, Sendable {
  /// A scheduler's setting that makes no schedule, or one that is not supported.
  case schedule(String)
  /// Components and weights that do not make a composition.
  case composition(String)
  /// Pictures or latents that do not fit together.
  case sizes(String)
}
