#!/usr/bin/env python3
"""Writes the Python form of irkit.h that cffi reads without a compiler. usage: make-interface.py HEADER TARGET"""
import re
import sys

import cffi


def declarations(header):
    """The header's declarations without what is for the preprocessor and for C++."""
    text = re.sub(r"#ifdef __cplusplus.*?#endif", "", header, flags=re.DOTALL)
    return "\n".join(line for line in text.splitlines() if not line.startswith("#"))


def main():
    header, target = sys.argv[1:]
    builder = cffi.FFI()
    with open(header, encoding="utf-8") as file:
        builder.cdef(declarations(file.read()))
    builder.set_source("irkit._interface", None)
    builder.emit_python_code(target)


main()
