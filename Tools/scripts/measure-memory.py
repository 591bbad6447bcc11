#!/usr/bin/env python3
"""Runs a command and says how long it took and how much memory it held: of its own, of files, and together.

usage: measure-memory.py COMMAND [ARGUMENT...]
Own memory is what no file holds (RssAnon and RssShmem of /proc/PID/status), sampled every 50 ms: shorter peaks of it are missed. The peak of all
resident memory is the kernel's own count (VmHWM). Exits as the command does.
"""
import subprocess
import sys
import time


def status(pid):
    try:
        with open(f"/proc/{pid}/status", encoding="ascii") as file:
            fields = dict(line.split(":", 1) for line in file)
    except (FileNotFoundError, ProcessLookupError):
        return {}
    return {name: int(value.split()[0]) for name, value in fields.items() if value.strip().endswith("kB")}


def main():
    if len(sys.argv) < 2 or sys.argv[1] in ("-h", "--help"):
        print(__doc__)
        sys.exit(0 if len(sys.argv) > 1 else 2)
    start, own, files, resident = time.monotonic(), 0, 0, 0
    with subprocess.Popen(sys.argv[1:]) as process:
        while process.poll() is None:
            now = status(process.pid)
            own = max(own, now.get("RssAnon", 0) + now.get("RssShmem", 0))
            files = max(files, now.get("RssFile", 0))
            resident = max(resident, now.get("VmHWM", 0))
            time.sleep(0.05)
    print(f"measure-memory: {time.monotonic() - start:.1f} s, at most {own / 1024:.0f} MiB of its own, {files / 1024:.0f} MiB of files, "
          f"{resident / 1024:.0f} MiB together", file=sys.stderr)
    sys.exit(process.returncode if process.returncode >= 0 else 128 - process.returncode)


main()
