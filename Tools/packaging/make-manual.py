#!/usr/bin/env python3
"""Writes a manual page from what a tool says of itself. usage: TOOL --experimental-dump-help | make-manual.py SECONDS
(of 1970, the date of the page)"""
import itertools
import json
import re
import sys
import time

HEADING = re.compile(r"[A-Z]+(?: [A-Z]+)*")


def escaped(text):
    """Text as roff shows it: no line begins with a request."""
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return "\n".join("\\&" + line if line[:1] in (".", "'") else line for line in text.split("\n"))


def paragraphs(text, heading):
    """Prose is filled; lines that are indented, as examples are, stay as they are. A first line in capitals is the
    heading of a section."""
    for block in text.strip("\n").split("\n\n"):
        first, _, rest = block.partition("\n")
        if HEADING.fullmatch(first):
            yield f"{heading} {first}"
            block = rest
        else:
            yield ".PP"
        for is_indented, lines in itertools.groupby(block.split("\n"), lambda line: line.startswith("  ")):
            text = escaped("\n".join(lines))
            yield f".nf\n{text}\n.fi" if is_indented else text


def halves(command, heading):
    """The description of a command, and its sections. These come last, as in other manuals: exit codes, examples."""
    lines = [*paragraphs(command["discussion"], heading)] if command.get("discussion") else []
    first = next((index for index, line in enumerate(lines) if line.startswith(heading + " ")), len(lines))
    return lines[:first], lines[first:]


def spelled(argument):
    names = [("-" if len(name["name"]) == 1 or name["kind"] == "longWithSingleDash" else "--") + name["name"]
             for name in argument.get("names") or []]
    value = "" if argument["kind"] == "flag" else f"\\fI{escaped(argument.get('valueName') or 'value')}\\fR"
    if not names:
        return value
    bold = ", ".join(f"\\fB{escaped(name)}\\fR" for name in names)
    return f"{bold} {value}".strip()


def shown(command):
    return [each for each in command.get("arguments") or [] if each.get("shouldDisplay", True)]


def synopsis(path, command):
    parts = [f".B {escaped(path)}"]
    for argument in shown(command):
        if argument["kind"] == "positional":
            text = spelled(argument) + (" ..." if argument.get("isRepeating") else "")
            parts.append(f"[{text}]" if argument.get("isOptional") else text)
    parts.insert(1, "[\\fIoptions\\fR]")
    return "\n".join(parts)


def options(command):
    section = None
    for argument in shown(command):
        title = argument.get("sectionTitle") or (section and "Other options")
        if title != section:
            section = title
            yield f".SS {escaped(section)}"
        yield ".TP\n" + spelled(argument)
        text = " ".join(each.strip() for each in (argument.get("abstract"), argument.get("discussion")) if each)
        if argument.get("defaultValue"):
            text += f" (default: {argument['defaultValue']})"
        yield escaped(" ".join(text.split())) or "\\&"


def main():
    command = json.load(sys.stdin)["command"]
    name = command["commandName"]
    date = time.strftime("%Y-%m-%d", time.gmtime(int(sys.argv[1])))
    lines = [f'.TH {name.upper()} 1 "{date}" irkit', ".SH NAME", f"{name} \\- {escaped(command.get('abstract') or name)}",
             ".SH SYNOPSIS"]
    subcommands = [each for each in command.get("subcommands") or [] if each.get("shouldDisplay", True) and each["commandName"] != "help"]
    for each in subcommands:
        lines += [synopsis(f"{name} {each['commandName']}", each), ".br"]
    if not subcommands:
        lines.append(synopsis(name, command))
    described, closing = halves(command, ".SH")
    if described:
        lines += [".SH DESCRIPTION", *described]
    if shown(command):
        lines += [".SH OPTIONS", *options(command)]
    for each in subcommands:
        lines += [f".SH {escaped(name.upper() + ' ' + each['commandName'].upper())}", escaped(each.get("abstract") or "")]
        described, own = halves(each, ".SS")
        lines += described
        if shown(each):
            lines += [".SS Options", *options(each)]
        lines += own
    lines += closing
    print("\n".join(lines))


main()
