import IRRequests
import Logging
import Metrics

/// A line of the access log, and the counts and times that go with it.
struct RequestNote {
  let method: String
  let path: String
  /// The path without names of models, and the method, as they are counted: few.
  let route: String
  let countedMethod: String
  var status = ""
  var sentence: String?
  var received: String?
  var sent: String?

  init(method: String, path: String, route: String, countedMethod: String? = nil) {
    (self.method, self.path, self.route) = (method, path, route)
    self.countedMethod = countedMethod ?? method
  }

  func write(_ logger: Logger, seconds: Double) {
    let dimensions = [("route", route), ("method", countedMethod), ("status", status)]
    Counter(label: "irserve_requests_total", dimensions: dimensions).increment()
    Metrics.Timer(label: "irserve_request_seconds", dimensions: [("route", route)]).record(seconds)
    var fields: Logger.Metadata = [
      "method": "\(RestoreRequest.shown(method))", "path": "\(RestoreRequest.shown(path))",
      "status": "\(status)", "seconds": "\((seconds * 1000).rounded() / 1000)",
    ]
    fields["received"] = received.map { "\(RestoreRequest.shown($0))" }
    fields["sent"] = sent.map { "\($0)" }
    fields["error"] = sentence.map { "\($0)" }
    logger.info("request", metadata: fields)
  }
}
