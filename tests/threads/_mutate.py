"""Random operations on shared objects of all kinds, from many threads: `./dev stress` runs it for hours.

    minipy tests/threads/_mutate.py [SEED [SECONDS [THREADS]]]

Every thread calls methods, operators and builtins that it finds on a pool of shared objects, with arguments from the same pool, and
puts results back. Exceptions are fine; what is looked for are crashes, hangs and what the sanitizers report. At the end each container
is asked whether it is whole. A seed fixes what each thread tries, not how the threads interleave.
"""
import array
import collections
import contextvars
import copy
import functools
import gc
import io
import itertools
import json
import operator
import pickle
import random
import re
import struct
import sys
import threading
import time
import types
import weakref

SEED = int(sys.argv[1]) if len(sys.argv) > 1 else 1
SECONDS = float(sys.argv[2]) if len(sys.argv) > 2 else 5
THREADS = int(sys.argv[3]) if len(sys.argv) > 3 else 8
MOST = 500  # a container that has grown beyond this is cut down

# What would block, end the process, or take memory without bound.
REFUSED = {"__class_getitem__", "__enter__", "__init_subclass__", "__subclasshook__", "acquire", "join", "wait", "fileno", "truncate", "zfill", "ljust",
           "rjust", "center", "expandtabs", "__imul__", "__mul__", "__rmul__", "__pow__", "__rpow__", "__lshift__", "__rlshift__",
           "__rrshift__", "detach", "__del__", "to_bytes", "__format__", "throw", "__globals__", "__builtins__", "__self__", "__loader__",
           "__spec__", "__wrapped__", "__closure__", "tb_frame", "gi_frame", "gi_code", "__code__", "cache_parameters"}


class Base:
    shared = 1

    def method(self, *args): return self.shared

    @property
    def computed(self): return self.shared

    @classmethod
    def make(cls, *args): return cls()


class Left(Base): pass


class Right(Base):
    def method(self, *args): return super().method(*args)


class Slotted:
    __slots__ = ("a", "b", "__weakref__")


class Mine(list): pass


class Table(dict):
    def __missing__(self, key): return None


def numbers(*args):
    for i in itertools.count():
        got = yield i
        if got == 3: return got


def make_closure(*args):
    value = 0

    def bump(*args):
        nonlocal value
        value = (value + 1) % 1000
        return value
    return bump


@functools.lru_cache(maxsize=16)
def cached(*args): return len(args)


bump = make_closure()
variable = contextvars.ContextVar("variable", default=0)
module = types.ModuleType("scratch")
pattern = re.compile(r"(\w)(?P<name>\d*)")

MAKERS = [
    lambda r: [r.randrange(9) for _ in range(r.randrange(9))],
    lambda r: {r.randrange(9): r.randrange(9) for _ in range(r.randrange(9))},
    lambda r: {str(i): i for i in range(r.randrange(9))},
    lambda r: {r.randrange(30) for _ in range(r.randrange(9))},
    lambda r: frozenset(range(r.randrange(9))),
    lambda r: (r.randrange(9), str(r.randrange(9))),
    lambda r: collections.deque(range(r.randrange(9)), r.choice([None, 20])),
    lambda r: collections.OrderedDict.fromkeys(range(r.randrange(9))),
    lambda r: collections.defaultdict(list, {1: [2]}),
    lambda r: collections.Counter("abracadabra"),
    lambda r: collections.ChainMap({1: 2}, {3: 4}),
    lambda r: bytearray(b"0123456789"),
    lambda r: memoryview(bytearray(b"0123456789")),
    lambda r: b"some bytes",
    lambda r: array.array(r.choice("bhiqd"), range(5)),
    lambda r: io.BytesIO(b"lines\nof\nbytes"),
    lambda r: io.StringIO("lines\nof\ntext"),
    lambda r: io.TextIOWrapper(io.BytesIO(b"lines\nof\ntext"), "utf-8"),
    lambda r: io.BufferedRandom(io.BytesIO(b"lines\nof\nbytes")) if hasattr(io, "BufferedRandom") else io.BytesIO(),
    lambda r: r.choice([Base, Left, Right])(),
    lambda r: Slotted(), lambda r: Mine(range(3)), lambda r: Table(a=1),
    lambda r: make_closure(), lambda r: (i for i in range(50)),
    lambda r: iter([1, 2, 3] * 5), lambda r: iter({i: i for i in range(9)}), lambda r: iter(set(range(9))), lambda r: iter("text" * 5),
    lambda r: enumerate(range(50)), lambda r: zip(range(50), "ab" * 25), lambda r: map(str, range(50)), lambda r: filter(None, range(50)),
    lambda r: reversed(list(range(50))), lambda r: iter(range(50)),
    lambda r: itertools.chain([1], [2] * 30), lambda r: itertools.islice(range(99), 50),
    lambda r: itertools.accumulate(range(50)), lambda r: itertools.groupby("aabbcc" * 9), lambda r: itertools.tee(range(50))[0],
    lambda r: itertools.permutations(range(4)), lambda r: itertools.product([1, 2], repeat=5), lambda r: itertools.combinations(range(7), 3),
    lambda r: itertools.zip_longest(range(20), range(30)), lambda r: itertools.starmap(pow, [(1, 2)] * 30), lambda r: itertools.pairwise(range(30)),
    lambda r: itertools.compress(range(30), [1, 0] * 15), lambda r: itertools.takewhile(bool, [1] * 30), lambda r: itertools.repeat(1, 50),
    lambda r: weakref.WeakValueDictionary(), lambda r: weakref.WeakKeyDictionary(), lambda r: weakref.WeakSet(),
    lambda r: weakref.ref(MINE[0]), lambda r: weakref.proxy(MINE[0]), lambda r: module, lambda r: cached, lambda r: bump,
    lambda r: functools.partial(max, 1), lambda r: pattern, lambda r: pattern.match("a12"), lambda r: pattern.finditer("a1 b2 c3" * 5),
    lambda r: random.Random(1), lambda r: struct.Struct("<iq"), lambda r: variable, lambda r: contextvars.copy_context(),
    lambda r: ValueError("shared"), lambda r: types.SimpleNamespace(x=1), lambda r: slice(1, 5), lambda r: range(10), lambda r: "some text",
    lambda r: 7, lambda r: 1 << 70, lambda r: 1.5, lambda r: None, lambda r: 2j, lambda r: threading.local(), lambda r: json.JSONDecoder(),
    lambda r: type("Made", (r.choice([Base, Left]),), {"x": 1}), lambda r: {}.keys(), lambda r: {1: 2}.items(),
    lambda r: threading.Semaphore(5), lambda r: threading.Event(), lambda r: collections.namedtuple("P", "x y")(1, 2),
]
MINE = [Base(), Base()]
POOL = []
# Containers hold only these, or showing and comparing them would take exponential time.
ATOMS = [0, 1, 2, 7, -1, 1.5, "a", "text", b"b", None, True, (), (1, "x"), frozenset([1]), *MINE, Slotted(), Base, Left]
# Methods that take what an iterable or a mapping holds.
TAKES_MANY = {"extend", "extendleft", "update", "union", "intersection", "difference", "symmetric_difference", "intersection_update", "issubset",
              "difference_update", "symmetric_difference_update", "issuperset", "isdisjoint", "join", "writelines", "fromkeys", "__add__",
              "__iadd__", "__or__", "__ior__", "__and__", "__iand__", "__sub__", "__isub__", "__xor__", "__ixor__", "__eq__", "__lt__",
              "__contains__", "__init__", "write", "readinto", "search", "findall", "split", "sub", "unpack", "pack_into", "most_common"}
ENDLESS = [numbers(), numbers(), itertools.count(), itertools.cycle([1, 2]), iter(make_closure(), 9), itertools.repeat(1)]
BINARY = [operator.add, operator.sub, operator.and_, operator.or_, operator.xor, operator.iadd, operator.ior, operator.iand, operator.isub,
          operator.ixor, operator.eq, operator.lt, operator.contains, operator.getitem, operator.delitem, operator.is_, operator.concat]
UNARY = [len, iter, list, tuple, set, dict, sorted, repr, str, hash, bool, next, reversed, sum, max, min, any, all, type, dir, copy.copy, id,
         copy.deepcopy, bytes, bytearray, memoryview, enumerate, zip, frozenset, callable, json.dumps, pickle.dumps, weakref.ref,
         lambda x: [*x], lambda x: {**x}, lambda x: (lambda *a: a)(*x), lambda x: (lambda **a: a)(**x), lambda x: [y for y in x], lambda x: f"{x!r}",
         lambda x: sys.getsizeof(x), lambda x: "".join(x), lambda x: x[1:5], lambda x: x[::2], lambda x: x()]


def cut(value):
    """Keeps what threads share from growing without bound."""
    try:
        if isinstance(value, (list, bytearray, array.array, collections.deque)):
            while len(value) > MOST: value.pop()
        elif isinstance(value, (dict, set)) and len(value) > MOST:
            value.clear()
    except (IndexError, BufferError, KeyError): pass


def step(r):
    target = r.choice(POOL)
    if hasattr(target, "__len__") and r.random() < 0.2: cut(target)
    kind = r.randrange(22)
    if kind < 9:
        name = r.choice(dir(target))
        if name in REFUSED or name.startswith("__reduce") or name.endswith("variate") or (name[0] == "_" and name[1] != "_"): return None
        attribute = getattr(target, name)
        if not callable(attribute) or isinstance(attribute, type): return attribute
        source = POOL if name in TAKES_MANY else ATOMS
        return attribute(*[r.choice(source) if r.random() < 0.7 else r.randrange(-3, 9) for _ in range(r.choice([0, 0, 1, 1, 1, 2, 3]))])
    if kind == 9: return r.choice(BINARY)(target, r.choice(POOL))
    if kind == 10: target[r.randrange(-3, 9)] = r.choice(ATOMS)
    elif kind == 11: target[r.randrange(9):r.randrange(9)] = r.choice(POOL)
    elif kind == 12: setattr(target, r.choice(["a", "b", "x", "shared", "__class__", "__dict__", "extra"]), r.choice(ATOMS + [Left, Right]))
    elif kind == 13: delattr(target, r.choice(["a", "b", "x", "extra"]))
    elif kind == 14: setattr(r.choice([Left, Right, Base]), r.choice(["x", "extra", "__len__", "__eq__", "__hash__", "shared"]), r.choice([1, lambda *a: 1, None]))
    elif kind == 15: delattr(r.choice([Left, Right, Base]), r.choice(["x", "extra", "__len__", "__eq__"]))
    elif kind == 16:
        if r.random() < 0.05: Right.__bases__ = r.choice([(Base,), (Left,)])
        else: POOL[r.randrange(len(POOL))] = r.choice(MAKERS)(r)
    elif kind == 17: globals()[f"g{r.randrange(30)}"] = target
    elif kind == 18:
        try: raise POOL[r.randrange(len(POOL))]
        except Exception as e:
            POOL[r.randrange(len(POOL))] = e.__traceback__ if r.random() < 0.3 else e
    elif kind == 19:
        endless = r.choice(ENDLESS)
        if isinstance(endless, types.GeneratorType):
            if r.random() < 0.01: ENDLESS[r.randrange(2)] = numbers()
            else: endless.send(r.choice([None, 3]))
        else: next(endless)
    else: return r.choice(UNARY)(target)
    return None


def work(number, until, failures):
    r = random.Random(SEED * 1000 + number)
    while time.monotonic() < until:
        for _ in range(50):
            try: result = step(r)
            except Exception: continue
            except GeneratorExit: continue
            if r.random() < 0.05 and result is not None: POOL[r.randrange(len(POOL))] = result


def is_whole(value):
    """What must hold of a container that nobody changes any more."""
    if isinstance(value, (list, tuple, collections.deque)): return len(list(iter(value))) == len(value)
    if type(value) in (dict, collections.OrderedDict, collections.Counter):
        return len(list(value)) == len(value) and all(key in value for key in list(value) if isinstance(key, (int, str)))
    if type(value) in (set, frozenset): return len(list(value)) == len(value)
    return True


def main():
    r = random.Random(SEED)
    POOL.extend(maker(r) for maker in MAKERS)
    until = time.monotonic() + SECONDS
    sys.stdout.flush()
    sys.setswitchinterval(1e-4)
    threads = [threading.Thread(target=work, args=(n, until, None), daemon=True) for n in range(THREADS)]
    for thread in threads: thread.start()
    while time.monotonic() < until:
        gc.collect()
        time.sleep(0.01)
    for thread in threads: thread.join()
    broken = [type(value).__name__ for value in POOL if not is_whole(value)]
    print("ok" if not broken else f"broken: {broken}")
    sys.exit(1 if broken else 0)


if __name__ == "__main__":
    main()
