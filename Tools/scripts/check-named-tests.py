#!/usr/bin/env python3
"""Holds pages to the tests: every test that a table of docs/strangers-files.md names exists, and every row names one.

usage: check-named-tests.py
"""
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PAGE = os.path.join(ROOT, "docs", "strangers-files.md")


def known():
    names = set()
    for folder, _, files in os.walk(os.path.join(ROOT, "Tests")):
        for file in files:
            if file.endswith(".swift"):
                with open(os.path.join(folder, file), encoding="utf-8") as text:
                    # A test's attribute may have arguments of several lines.
                    names.update(re.findall(r"@Test\b(?:(?!@Test\b)[\s\S])*?\bfunc\s+(\w+)\s*\(", text.read()))
    return names


def main():
    names = known()
    problems = 0
    with open(PAGE, encoding="utf-8") as page:
        for number, line in enumerate(page, 1):
            if not line.startswith("| ") or set(line) <= set("|- \n"):
                continue
            cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
            if cells[-1] == "Tests":
                continue
            tests = re.findall(r"`(\w+)`", cells[-1])
            for name in tests:
                if name not in names:
                    print(f"docs/strangers-files.md:{number}: there is no test {name}", file=sys.stderr)
                    problems += 1
            if not tests:
                print(f"docs/strangers-files.md:{number}: the row {cells[0]} names no test", file=sys.stderr)
                problems += 1
    sys.exit(1 if problems else 0)


main()
