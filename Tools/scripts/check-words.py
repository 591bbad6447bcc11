#!/usr/bin/env python3
"""Checks of the sources' words: public declarations, comments, libraries that print, and a row of the must-fail table for
each constraint."""
import glob
import re
import subprocess
import sys

# The modules of the products, and what they hand on. Elsewhere `package` is the widest access.
FACADE = {
    "IRTensor", "IRPicture", "IRImage", "IRRestorers", "IRRestoration", "ImageRestoration", "IRInference", "IRCInterface",
}
# Public declarations elsewhere: types that the products re-export by name, and what these are made of.
PUBLIC_LIMIT = 40
COMMENT_WIDTH = 110

PUBLIC = re.compile(r"^\s*(?:@\w+(?:\([^)]*\))?\s+)*public\b")
COMMENT = re.compile(r"^\s*(///?|/\*\*?|\*)(?: |$)")
FIRST_WORD = re.compile(r"^\s*(?:///?|/\*\*?) (What|Where)\b")
CONSTRAINT = re.compile(r'TypeError\(\s*"((?:[^"\\]|\\\([^)]*\))*)"')
# Libraries return what they have to say, or hand it to a monitor; tools print it.
PRINTING = re.compile(r"(?<![\w.])(?:print|debugPrint|dump|perror)\(|standardError|STDERR_FILENO|\bstderr\b")
ROW = re.compile(r'BrokenUse\(\s*"([\w.]+)"|== "([A-Z]\w+\.\w+)"')


def sources(*patterns):
    listed = subprocess.run(["git", "ls-files", *patterns], capture_output=True, text=True, check=True).stdout
    return [path for path in listed.split() if "pb-c" not in path and not path.endswith(".pb.swift")]


def lines(path):
    with open(path, encoding="utf-8") as file:
        return file.read().splitlines()


def public_problems():
    places = []
    for path in sources("Sources/*.swift", "Models/*.swift", "Tools/IRCommandLine/*.swift"):
        if path.split("/")[1] not in FACADE:
            places += [path for line in lines(path) if PUBLIC.match(line)]
    if len(places) > PUBLIC_LIMIT:
        yield f"{len(places)} public declarations outside the facade, the limit is {PUBLIC_LIMIT}: {sorted(set(places))}"


def comment_problems():
    for path in sources("*.swift", "*.c", "*.h"):
        before = ""
        for number, line in enumerate(lines(path), 1):
            if COMMENT.match(line):
                if len(line) > COMMENT_WIDTH:
                    yield f"{path}:{number}: a comment of {len(line)} columns, the limit is {COMMENT_WIDTH} (Tools/scripts/wrap-comments)"
                if FIRST_WORD.match(line) and not COMMENT.match(before):
                    yield f"{path}:{number}: a comment begins with What or Where: name the thing"
            before = line


def printing_problems():
    for path in sources("Sources/*.swift", "Models/*.swift"):
        for number, line in enumerate(lines(path), 1):
            if PRINTING.search(line) and not COMMENT.match(line):
                yield f"{path}:{number}: a library prints: return the text, or hand it to a monitor"


def constraint_problems():
    """Constraints of operators that no row breaks. A shared one, named after its user, needs one of any user."""
    stated = {}
    for path in sources("Sources/IROperators/*.swift"):
        for name in CONSTRAINT.findall("\n".join(lines(path))):
            stated[re.sub(r"\\\([^)]*\)", "*", name)] = path
    rows = set()
    for path in glob.glob("Tests/IROperatorsTests/*.swift"):
        for found in ROW.findall("\n".join(lines(path))):
            rows.update(name for name in found if name)
    for name, path in sorted(stated.items()):
        pattern = re.compile(re.escape(name).replace(r"\*", r"\w+"))
        if not any(pattern.fullmatch(row) for row in rows):
            yield f"{path}: no row of Tests/IROperatorsTests breaks the constraint {name}"


def main():
    problems = [*public_problems(), *comment_problems(), *printing_problems(), *constraint_problems()]
    for problem in problems:
        print(f"check: {problem}", file=sys.stderr)
    sys.exit(1 if problems else 0)


main()
