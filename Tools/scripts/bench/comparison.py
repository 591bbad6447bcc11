"""Whether runtimes computed the same, and whether what they computed can tell."""
import numpy as np

# Of the range of what the network changes, by precision.
TOLERANCES = {"f32": 1e-3, "bf16": 5e-2}
# A network whose change is as good as constant, or beyond all bounds, tells nothing.
LEAST_DEVIATION, MOST_DEVIATION = 1e-3, 1e3


class Incomparable(Exception):
    pass


def change(output, feeds):
    """What the network adds to the picture, where it returns one of the same size; else what it returns."""
    for value in feeds.values():
        if value.shape == output.shape:
            return output - value
    return output


def compare(found, feeds, precision, exact):
    """The largest difference of each runtime from the first one, of the change's range, over all outputs.

    `found` has outputs by name for each runtime. Ours must be within the tolerance; of a peer that is not the table says so.
    `exact` has outputs in float64 of a network that carries rounding on: differences are then from these, and ours may be
    twice the largest of a peer.
    """
    names = list(found)
    if exact:
        names, found = ["float64"] + names, {"float64": exact, **found}
    differences = {name: 0.0 for name in names}
    for output, expected in found[names[0]].items():
        changed = change(expected, feeds)
        deviation = float(changed.std(axis=(-2, -1)).mean()) if changed.ndim > 2 else float(changed.std())
        if not np.isfinite(changed).all() or not LEAST_DEVIATION <= deviation <= MOST_DEVIATION:
            raise Incomparable(f"{output} varies by {deviation:.1e}: with such weights nothing can be compared")
        spread = float(changed.max() - changed.min())
        for name in names[1:]:
            difference = float(np.abs(found[name][output] - expected).max()) / spread
            tolerance = max([TOLERANCES[precision]] + [2 * value for value in differences.values() if exact])
            if name == "irkit" and not difference <= tolerance:
                raise Incomparable(f"{output} of {name} differs from {names[0]}'s by {difference:.1e} of the range")
            differences[name] = max(differences[name], difference)
    return differences
