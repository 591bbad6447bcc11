import IRCompiler
import IRRuntime
import ImageRestoration

/// Follows a batch while it runs, on the thread that runs it.
package protocol BatchMonitor: AnyObject {
  /// Work on a job begins.
  func began(_ job: Job, index: Int)
  /// A picture is read, and will be restored by this plan.
  func planned(_ job: Job, _ plan: RestorationPlan)
  /// Some of the parts of one long step are done.
  func advanced(_ step: String, done: Int, of count: Int, since begin: ContinuousClock.Instant)
  /// A program ran, with its seconds by step.
  func ran(_ program: Program, _ profile: Profile)
  /// A picture is restored and not yet written.
  func restored(_ job: Job)
}

extension BatchMonitor {
  package func began(_ job: Job, index: Int) {}
  package func planned(_ job: Job, _ plan: RestorationPlan) {}
  package func advanced(_ step: String, done: Int, of count: Int, since begin: ContinuousClock.Instant) {}
  package func ran(_ program: Program, _ profile: Profile) {}
  package func restored(_ job: Job) {}
}
