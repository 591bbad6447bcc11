#!/usr/bin/env python3
"""Prints the version of a library. usage: library-version.py LIBRARY"""
import ctypes
import sys

library = ctypes.CDLL(sys.argv[1])
library.irkit_version.restype = ctypes.c_char_p
print(library.irkit_version().decode())
