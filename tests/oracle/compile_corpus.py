#!/usr/bin/env python3
"""Compares minipy's compiler with CPython's over every .py file of an installed library: what compile() accepts must be accepted,
verified and survive a round trip through bytes; what it rejects must be rejected.

usage: compile_corpus.py CODE_DUMP [ROOT...] [--show]
"""
import multiprocessing
import os
import subprocess
import sys
import warnings

warnings.simplefilter("ignore")


def oracle(path):
    with open(path, "rb") as f:
        data = f.read()
    try:
        compile(data, path, "exec", dont_inherit=True)
        return path, "ok", ""
    except (SyntaxError, ValueError, RecursionError, MemoryError) as e:
        return path, "error", f"{type(e).__name__}: {e}"


def main():
    arguments = [a for a in sys.argv[1:] if not a.startswith("--")]
    tool, roots = arguments[0], arguments[1:] or [f"/usr/lib/python3.{sys.version_info[1]}"]
    paths = []
    for root in roots:
        for folder, _, names in os.walk(root):
            paths += [os.path.join(folder, n) for n in names if n.endswith(".py")]
    paths.sort()
    out = subprocess.run([tool, "--batch"], input="\n".join(paths) + "\n", capture_output=True, text=True, errors="replace")
    mine = {}
    for line in out.stdout.splitlines():
        path, verdict, *rest = line.split("\t")
        mine[path] = verdict, " ".join(rest)
    if out.returncode:
        print("exit status", out.returncode, out.stderr[-2000:])
    with multiprocessing.Pool(2) as pool:
        theirs = pool.map(oracle, paths, chunksize=20)
    differences = 0
    for path, verdict, what in theirs:
        got, detail = mine.get(path, ("missing", ""))
        if got != verdict:
            differences += 1
            print(f"{path}: CPython {verdict} {what}; minipy {got} {detail}")
        elif "--show" in sys.argv and verdict == "error":
            print(f"{path}: {what}\n    {detail}")
    accepted = sum(1 for _, verdict, _ in theirs if verdict == "ok")
    print(f"{len(paths)} files, {accepted} accepted by CPython, {differences} differences")
    return differences != 0


if __name__ == "__main__":
    sys.exit(main())
