#!/usr/bin/env python3
"""Checks that every Swift file imports only what its target may, and that the table of docs/architecture.md says
the same as Package.swift. Reads `swift package dump-package`."""
import json
import os
import re
import sys

# Foundation is for picture files, training, tools and tests: what restores buffers runs where it is not.
SYSTEM = {"Glibc", "Darwin", "Synchronization"}
WITH_FOUNDATION = {"IRImage", "IRTensorFiles", "IRDegradation", "IRPipelines", "IRTraining", "IRThreads", "IRBatch", "IRCommandLine", "ImageRestoration"}
IMPORT = re.compile(r"^\s*(?:@\w+(?:\(\w+\))?\s+)*(?:public |package |internal |private )?import (?:struct |class |enum |func )?(\w+)(?:\.\w+)*\s*(?://.*)?$")


def names(dependencies):
    for dependency in dependencies:
        for kind in ("byName", "target", "product"):
            if kind in dependency:
                yield dependency[kind][0]


def rows(path):
    """The table's targets, each with those that it may import. A row may leave out what its own imports may import."""
    result = {}
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
            if line.startswith("| `") and len(cells) == 3:
                for name in re.findall(r"`(\w+)`", cells[0].split("(")[0]):
                    result[name] = set(re.findall(r"\w+", cells[2])) - {"libc"}
    return result


def reachable(start, table):
    found, open_ones = set(), list(start)
    while open_ones:
        name = open_ones.pop()
        if name not in found:
            found.add(name)
            open_ones += table.get(name, ())
    return found


def table_problems(targets):
    """How the table in words differs from the package, whose tools and tests it leaves out."""
    table = rows("docs/architecture.md")
    package = {t["name"]: set(names(t["dependencies"])) for t in targets if t["type"] in ("regular", "system")}
    package.pop("IRTestSupport", None)
    for name in sorted(package.keys() | table.keys()):
        if name not in table:
            yield f"docs/architecture.md has no row for {name}"
        elif name not in package:
            yield f"docs/architecture.md has a row for {name}, which is no target"
        else:
            for other in sorted(table[name] - package[name]):
                yield f"docs/architecture.md lets {name} import {other}, Package.swift does not"
            for other in sorted(package[name] - reachable(table[name], table)):
                yield f"Package.swift lets {name} import {other}, docs/architecture.md does not"


def main():
    targets = json.load(sys.stdin)["targets"]
    problems = 0
    for problem in table_problems(targets):
        print(f"check: {problem}", file=sys.stderr)
        problems += 1
    for target in targets:
        name = target["name"]
        folder = target.get("path") or os.path.join("Tests" if target["type"] == "test" else "Sources", name)
        allowed = {name} | SYSTEM | set(names(target["dependencies"]))
        if target["type"] != "regular" or name in WITH_FOUNDATION:
            allowed |= {"Foundation", "Dispatch", "Testing"}
        if name == "IRTestSupport":
            allowed.add("Testing")
        own = [os.path.join(folder, each) for each in target.get("sources") or [""]]
        others = [os.path.join(folder, each) for each in target.get("exclude") or []]
        for base, _, files in os.walk(folder):
            for file in files:
                path = os.path.join(base, file)
                if not file.endswith(".swift") or not path.startswith(tuple(own)) or path.startswith(tuple(others)):
                    continue
                with open(path, encoding="utf-8") as lines:
                    for line in lines:
                        match = IMPORT.match(line)
                        if match and match[1] not in allowed:
                            print(f"check: {path} imports {match[1]}, which {name} may not", file=sys.stderr)
                            problems += 1
    sys.exit(1 if problems else 0)


main()
