#!/usr/bin/env python3
"""Checks that every Swift file imports only what its target may. Reads `swift package dump-package`."""
import json
import os
import re
import sys

# Foundation is for picture files, training, tools and tests: what restores buffers runs where it is not.
SYSTEM = {"Glibc", "Darwin", "Synchronization"}
WITH_FOUNDATION = {"IRImage", "IRTensorFiles", "IRDegradation", "IRPipelines", "IRTraining", "IRBatch", "IRCommandLine", "ImageRestoration"}
IMPORT = re.compile(r"^\s*(?:@\w+(?:\(\w+\))?\s+)*(?:public |package |internal |private )?import (?:struct |class |enum |func )?(\w+)(?:\.\w+)*\s*(?://.*)?$")


def names(dependencies):
    for dependency in dependencies:
        for kind in ("byName", "target", "product"):
            if kind in dependency:
                yield dependency[kind][0]


def main():
    problems = 0
    for target in json.load(sys.stdin)["targets"]:
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
