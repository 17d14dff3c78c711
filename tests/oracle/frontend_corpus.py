#!/usr/bin/env python3
"""Compares minipy's parser with CPython's over every .py file of an installed library.

usage: frontend_corpus.py PARSE_DUMP [ROOT...] [--ast-every N] [--show]

1. What ast.parse accepts must be accepted, what it rejects must be rejected.
2. The dump of the AST must be the same (every N-th file), apart from what 3.12 and 3.13 changed.
"""
import ast
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
        return path, "ok", ast.parse(data, path)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as e:
        return path, "error", f"{type(e).__name__}: {e}"


def accepts(path):
    path, verdict, what = oracle(path)
    return path, verdict, what if verdict == "error" else ""


class Normal(ast.NodeTransformer):
    """3.12+: type_params; kind of a concatenation; adjacent constants in f-strings are merged by both."""


def dump(node):
    """ast.dump as 3.13 prints it: empty lists and absent fields are left out."""
    if isinstance(node, ast.AST):
        name = type(node).__name__
        parts = []
        for field in node._fields:
            value = getattr(node, field, None)
            if field in ("type_ignores", "type_comment"):
                continue
            if field == "kind" and value is None:
                continue
            if value is None and not (name in ("Constant", "MatchSingleton") and field == "value"):
                continue
            if value == [] and isinstance(value, list):
                continue
            parts.append(f"{field}={dump(value)}")
        if POSITIONS and "lineno" in node._attributes:
            parts.append(f"lineno={node.lineno}, col_offset={node.col_offset}, end_lineno={node.end_lineno}, "
                         f"end_col_offset={node.end_col_offset}")
        return f"{name}({', '.join(parts)})"
    if isinstance(node, list):
        return "[" + ", ".join(map(dump, node)) + "]"
    return repr(node)


POSITIONS = False


def has_fstring(tree):
    return any(isinstance(n, ast.JoinedStr) for n in ast.walk(tree))


def compare_one(item):
    global POSITIONS
    path, text, with_positions = item
    sys.set_int_max_str_digits(0)
    path, verdict, tree = oracle(path)
    if verdict != "ok":
        return path, None
    POSITIONS = with_positions and not has_fstring(tree)
    expected = dump(tree)
    if expected == text:
        return path, None
    at = next((i for i, (a, b) in enumerate(zip(expected, text)) if a != b), min(len(expected), len(text)))
    return path, f"  expected ...{expected[max(0, at - 80):at + 80]}\n  got      ...{text[max(0, at - 80):at + 80]}"


def run(tool, paths, *flags):
    result = subprocess.run([tool, "--batch", *flags], input="\n".join(paths), capture_output=True, text=True,
                            encoding="utf-8", errors="surrogateescape")
    if result.returncode not in (0, 1):
        sys.exit(f"{tool} ended with {result.returncode}: {result.stderr[-500:]}")
    answers = {}
    for line in result.stdout.split("\n"):
        if line:
            verdict, path, *rest = line.split("\t", 2)
            answers[path] = verdict, rest[0] if rest else ""
    return answers


def main():
    arguments = [a for a in sys.argv[1:] if not a.startswith("--")]
    every = next((int(a.split("=")[1]) for a in sys.argv if a.startswith("--ast-every=")), 4)
    tool, roots = arguments[0], arguments[1:] or ["/usr/lib/python3.11"]
    paths = sorted(os.path.join(folder, name) for root in roots for folder, _, names in os.walk(root) for name in names
                   if name.endswith(".py"))
    answers = run(tool, paths)
    wrong = 0
    counts = {}
    with multiprocessing.Pool(2) as pool:
        for path, verdict, why in pool.imap_unordered(accepts, paths, 16):
            got, message = answers.get(path, ("missing", ""))
            counts[verdict, got] = counts.get((verdict, got), 0) + 1
            if verdict != got:
                wrong += 1
                print(f"{path}: CPython {verdict} {why}; minipy {got} {message}")
        sample = [p for i, p in enumerate(paths) if i % every == 0 and answers[p][0] == "ok"]
        different = compared = 0
        for flags in ([], ["--attributes"]):
            dumps = run(tool, sample, "--ast", *flags)
            items = ((p, dumps[p][1], bool(flags)) for p in sample if not flags or "JoinedStr(" not in dumps[p][1])
            for path, difference in pool.imap_unordered(compare_one, items, 8):
                compared += 1
                if difference:
                    different += 1
                    if different <= 20:
                        print(f"{path}{' (positions)' if flags else ''}:\n{difference}")
    for (verdict, got), count in sorted(counts.items()):
        print(f"CPython {verdict:5}  minipy {got:5}  {count}")
    print(f"{len(paths)} files, {wrong} verdicts differ; {compared} dumps compared, {different} differ")
    return 1 if wrong or different else 0


if __name__ == "__main__":
    sys.exit(main())
