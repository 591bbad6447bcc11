/// The name that takes the fewest insertions, removals and replacements, where those are less than half of
/// it.
package func nearest(to name: String, in names: some Collection<String>) -> String? {
  let target = Array(name.utf8)
  var best: (name: String, distance: Int)?
  for candidate in names {
    let other = Array(candidate.utf8)
    let bound = min(best?.distance ?? .max, max(target.count, other.count) / 2 + 1)
    guard abs(other.count - target.count) < bound else { continue }
    let distance = editDistance(target, other, bound: bound)
    if distance < bound { best = (candidate, distance) }
  }
  return best?.name
}

/// Levenshtein's distance, at most `bound`.
private func editDistance(_ a: [UInt8], _ b: [UInt8], bound: Int) -> Int {
  var row = Array(0...b.count)
  for (i, x) in a.enumerated() {
    var diagonal = row[0]
    row[0] = i + 1
    var least = row[0]
    for (j, y) in b.enumerated() {
      let next = min(row[j] + 1, row[j + 1] + 1, diagonal + (x == y ? 0 : 1))
      diagonal = row[j + 1]
      row[j + 1] = next
      least = min(least, next)
    }
    if least >= bound { return bound }
  }
  return row[b.count]
}
