#!/usr/bin/env python3
"""Developer tool: runs scripts under CPython and writes what they print into them as `#=>` expectations.

    /usr/bin/python3 tests/runner/fill_expectations.py FILE...      (rewrites the files; read the diff)

    ... --binary build/debug/minipy --reason "3.13's message" FILE...   (what CPython 3.11 prints is out of date; marks the files)

A statement whose line ends in a bare `#=> raises` is expected to raise: type and message are filled in.
Files with `# oracle: no` are left alone.
"""
import ast, os, subprocess, sys, tempfile, re, shlex

def strip_old(text):
    lines = []
    for line in text.split("\n"):
        m = re.match(r"^\s*#=>( |$)", line)
        if m:
            continue
        m = re.search(r"  #=>( .*|)$", line)
        if m:
            raises = m.group(1).strip().startswith("raises")
            line = line[:m.start()] + ("  #=> raises" if raises else "")
        lines.append(line)
    return lines

BINARY, REASON = "/usr/bin/python3", ""


def fill(path):
    text = open(path).read()
    if REASON and not re.search(r"^# oracle: no", text, re.M):
        text = f"# oracle: no, {REASON}\n" + text
    elif not REASON and re.search(r"^# oracle: no", text, re.M):
        return "left alone"
    lines = strip_old(text)
    while lines and not lines[-1].strip():
        lines.pop()
    tree = ast.parse("\n".join(lines) + "\n")
    # each top-level statement becomes: mark; statement. A statement expected to raise is wrapped.
    home = os.path.dirname(os.path.abspath(path))
    statements = tree.body
    groups = []  # (start, end) of top-level statements merged if they share lines
    for s in statements:
        start = min([s.lineno] + [d.lineno for d in getattr(s, "decorator_list", [])])
        if groups and start <= groups[-1][1]:
            groups[-1][1] = max(groups[-1][1], s.end_lineno)
        else:
            groups.append([start, s.end_lineno])
    pieces = []
    for a, b in groups:
        end_line = lines[b - 1]
        raises = end_line.rstrip().endswith("#=> raises")
        pieces.append((a, b, raises))
    body = list(lines)
    new = []
    cur = 1
    for k, (a, b, raises) in enumerate(pieces):
        new.extend(body[cur - 1:a - 1])
        chunk = body[a - 1:b]
        if raises:
            assert a == b, f"{path}:{a}: a raising statement must be one line"
            stmt = re.sub(r"\s*#=> raises$", "", chunk[0])
            chunk = ["try:", " " + stmt, "except BaseException as _e: print('raises ' + type(_e).__name__ + (': ' + str(_e) if str(_e) else ''))"]
        new.extend(chunk)
        new.append(f"print('\\x01MARK{k}', flush=True)")
        cur = b + 1
    new.extend(body[cur - 1:])
    header = {}
    for line in lines:
        if not line.startswith("#"):
            if line.strip(): break
            continue
        m = re.match(r"# (args|stdin|exit|options|env|stderr): ?(.*)$", line)
        if m: header[m.group(1)] = m.group(2)
    with tempfile.TemporaryDirectory() as tmp:
        run = os.path.join(tmp, os.path.basename(path))
        # a shadow of the docstring position does not matter: marks follow statements
        open(run, "w").write("\n".join(new) + "\n")
        env = dict(os.environ, PYTHONPATH=home, MINIPYPATH=home, PYTHONDONTWRITEBYTECODE="1", PYTHONHASHSEED="0", PYTHONUTF8="1", TZ="UTC", NO_COLOR="1",
                   MINIPY_TEST_TMP=tmp)
        if "env" in header:
            n, v = header["env"].split("=", 1); env[n] = v
        stdin = header.get("stdin", "").encode().decode("unicode_escape") if "stdin" in header else ""
        p = subprocess.run([BINARY] + shlex.split(header.get("options", "")) + [run] + shlex.split(header.get("args", "")),
                           capture_output=True, text=True, input=stdin, cwd=home, env=env, timeout=60)
    if p.returncode != int(header.get("exit", 0)):
        return f"FAILED exit {p.returncode}\n{p.stderr[-1500:]}"
    parts = re.split(r"\x01MARK(\d+)\n", p.stdout)
    outputs = {}
    tail = parts[-1] if len(parts) % 2 else ""
    for i in range(0, len(parts) - 1, 2):
        outputs[int(parts[i + 1])] = parts[i]
    result = []
    cur = 1
    last_done = -1
    carry = ""  # an unfinished line belongs to the statement that ends it
    for k, (a, b, raises) in enumerate(pieces):
        result.extend(body[cur - 1:a - 1])
        chunk = body[a - 1:b]
        outs = outputs.get(k, None)
        if outs is None and last_done == k - 1:
            outs, tail = tail, ""
        elif outs is not None:
            last_done = k
        outs = carry + (outs or "")
        outs, carry = outs[:outs.rfind("\n") + 1], outs[outs.rfind("\n") + 1:]
        olines = outs.split("\n")
        if olines and olines[-1] == "": olines.pop()
        olines = [l.rstrip() for l in olines]
        if raises:
            chunk[-1] = re.sub(r"\s*#=> raises$", "", chunk[-1])
            at = next((i for i, l in enumerate(olines) if l.startswith("raises ")), None)
            assert at is not None, f"{path}:{a}: did not raise: {chunk[-1]}"
            result.extend("#=>" + (" " + l if l else "") for l in olines[:at])
            olines = olines[at:]
        if olines and a == b and not chunk[0].rstrip().endswith("\\"):
            chunk[-1] = chunk[-1].rstrip() + "  #=>" + (" " + olines[0] if olines[0] else "")
            olines = olines[1:]
        chunk.extend("#=>" + (" " + l if l else "") for l in olines)
        result.extend(chunk)
        cur = b + 1
    result.extend(body[cur - 1:])
    tail = carry + tail
    if tail:
        result.extend("#=>" + (" " + l if l else "") for l in tail.rstrip("\n").split("\n"))
    open(path, "w").write("\n".join(result) + "\n")
    return None

def main():
    global BINARY, REASON
    bad = 0
    paths = sys.argv[1:]
    while paths and paths[0].startswith("--"):
        if paths[0] == "--binary":
            BINARY = os.path.abspath(paths[1])
        if paths[0] == "--reason":
            REASON = paths[1]
        paths = paths[2:]
    for path in paths:
        try:
            message = fill(path)
        except Exception as e:
            message = f"{type(e).__name__}: {e}"
        if message and message != "left alone":
            bad += 1
            print(f"{path}: {message}")
    print(f"{len(paths)} files, {bad} with problems")

main()
