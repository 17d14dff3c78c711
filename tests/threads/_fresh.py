"""Operations on objects that have just been made, from several threads at once: `./dev stress` runs it beside _mutate.py.

    minipy tests/threads/_fresh.py [SEED [SECONDS [KIND]]]

What happens to an object only once (its first attribute, its first iterator, the move from one inner form to another) is over soon for
the long-lived objects of _mutate.py. Here a thread makes one object after the other of a kind, and all threads do something to each:
the methods, attributes and operators that the kind has, every thread another one. Exceptions are fine; what is looked for are crashes,
hangs and what the sanitizers report. With the number of a KIND only objects of that kind are made.
"""
import abc
import array
import ast
import asyncio
import codecs
import collections
import concurrent.futures
import contextlib
import contextvars
import copy
import csv
import dataclasses
import datetime
import decimal
import enum
import fractions
import functools
import hashlib
import inspect
import io
import itertools
import json
import mmap
import operator
import os
import pickle
import queue
import random
import re
import select
import string
import struct
import sys
import tempfile
import threading
import time
import types
import weakref
import xml.parsers.expat
import zlib

SEED = int(sys.argv[1]) if len(sys.argv) > 1 else 1
SECONDS = float(sys.argv[2]) if len(sys.argv) > 2 else 5
KIND = int(sys.argv[3]) if len(sys.argv) > 3 else None
WORKERS = 3
ROUND = 0.03  # seconds for one kind and one choice of operations

# What blocks, ends the process, is another thread's, or takes time or memory without bound.
REFUSED = {"acquire", "join", "wait", "get", "put", "fileno", "truncate", "zfill", "ljust", "rjust", "center", "expandtabs", "__imul__", "__mul__",
           "__rmul__", "__pow__", "__rpow__", "__lshift__", "__rlshift__", "__rrshift__", "detach", "__del__", "to_bytes", "__format__",
           "throw", "__globals__", "__builtins__", "__self__", "__loader__", "__spec__", "__wrapped__", "poll", "control", "run", "run_until_complete",
           "run_forever", "result", "cache_parameters", "resize", "__class_getitem__", "mro", "wait_for", "exception", "start", "register",
           "modify", "acquire_lock", "__enter__", "get_loop", "sendfile", "__subclasses__", "gi_frame", "cr_frame", "ag_frame", "f_back", "tb_frame",
           "f_globals", "f_builtins", "getrandbits", "__init_subclass__", "__subclasshook__", "__dir__"}


class Plain: pass


class Parent:
    shared = 1

    def __init__(self, *args): self.a, self.b = 1, 2

    def method(self, *args): return self.a

    @property
    def computed(self): return self.b

    @computed.setter
    def computed(self, value): self.b = value

    @functools.cached_property
    def once(self): return [self.a]


class Child(Parent):
    def __init__(self, *args):
        super().__init__()
        self.c = 3

    def method(self, *args): return super().method()


class Slotted:
    __slots__ = ("a", "b", "__weakref__")


class SlottedWithDict(Slotted):
    __slots__ = ("__dict__",)


class Hooked:
    def __getattr__(self, name): return len(name)

    def __setattr__(self, name, value): object.__setattr__(self, name, value)


class MyInt(int): pass


class MyStr(str): pass


class MyTuple(tuple): pass


class MyList(list): pass


class MyDict(dict):
    def __missing__(self, key): return None


class MyError(Exception): pass


@dataclasses.dataclass
class Record:
    x: int = 1
    y: list = dataclasses.field(default_factory=list)


class Abstract(abc.ABC):
    @abc.abstractmethod
    def method(self): ...


def numbers():
    for i in range(30):
        yield i


async def coroutine(): return 1


async def async_numbers():
    for i in range(3):
        yield i


def make_function():
    captured = 1

    def function(a=1, *args, b=2, **more):
        nonlocal captured
        captured += 1
        return captured
    return function


def make_traceback():
    try: raise MyError("x")
    except MyError as e: return e


def make_future():
    loop = LOOP
    return loop.create_future()


def make_table():
    frame = {str(i): i for i in range(5)}
    return frame


def make_mapping():
    mapping = mmap.mmap(-1, 4096)
    mapping[:8] = b"abc\nabc\n"
    return mapping


def make_parser():
    parser = xml.parsers.expat.ParserCreate()
    parser.StartElementHandler = parser.CharacterDataHandler = lambda *args: None
    return parser


def make_pickler():
    pickler = pickle.Pickler(io.BytesIO())
    pickler.dump([[], {}, "x", ("a", 1)])
    return pickler


LOOP = asyncio.new_event_loop()
SHARED = Parent()
KINDS = [
    lambda: Plain(), lambda: Parent(), lambda: Child(), lambda: Slotted(), lambda: SlottedWithDict(), lambda: Hooked(), lambda: Record(),
    lambda: MyInt(5), lambda: MyStr("text"), lambda: MyTuple((1, 2)), lambda: MyList([1, 2]), lambda: MyDict(a=1), lambda: MyError("x", 2),
    lambda: [], lambda: [1, 2, 3], lambda: [1.5, 2.5], lambda: ["a", "b"], lambda: {}, lambda: {1: 2}, make_table, lambda: {(1, 2): 3, "a": 4}, lambda: set(),
    lambda: {1, 2}, lambda: {"a", "b"}, lambda: frozenset("ab"), lambda: (1, 2), lambda: bytearray(), lambda: bytearray(b"bytes"), lambda: b"bytes",
    lambda: memoryview(bytearray(b"0123")), lambda: array.array("i", [1, 2, 3]), lambda: array.array("d"),
    lambda: collections.deque(), lambda: collections.deque([1, 2], 5), lambda: collections.OrderedDict(a=1), lambda: collections.Counter("abc"),
    lambda: collections.defaultdict(list), lambda: collections.ChainMap({}, {1: 2}), lambda: collections.UserDict(a=1), lambda: collections.UserList([1]),
    lambda: {}.keys(), lambda: {1: 2}.values(), lambda: {1: 2}.items(), lambda: types.MappingProxyType({1: 2}), lambda: types.SimpleNamespace(x=1),
    lambda: iter([1, 2, 3]), lambda: reversed([1, 2, 3]), lambda: iter((1, 2, 3)), lambda: iter({1: 2, 3: 4}), lambda: iter({1, 2}), lambda: iter("text"),
    lambda: iter(b"text"), lambda: iter(range(9)), lambda: iter(range(1 << 70, (1 << 70) + 9)), lambda: iter({1: 2}.items()), lambda: iter(make_function(), 9),
    lambda: enumerate("abcdef"), lambda: zip("abc", [1, 2, 3]), lambda: map(str, range(9)), lambda: filter(None, range(9)),
    lambda: itertools.chain([1], "ab"), lambda: itertools.islice(range(99), 9),
    lambda: itertools.accumulate(range(9)), lambda: itertools.groupby("aabb"), lambda: itertools.tee(range(9))[0], lambda: itertools.permutations(range(3)),
    lambda: itertools.product("ab", repeat=2), lambda: itertools.combinations(range(4), 2), lambda: itertools.zip_longest("ab", "abc"),
    lambda: itertools.starmap(pow, [(1, 2)] * 5), lambda: itertools.pairwise(range(9)), lambda: itertools.compress("abcd", [1, 0, 1, 1]),
    lambda: itertools.takewhile(bool, [1] * 9), lambda: itertools.dropwhile(bool, [0] * 9), lambda: itertools.repeat(1, 9),
    lambda: (i for i in range(9)), numbers, lambda: (x for x in numbers()), coroutine, async_numbers, lambda: async_numbers().asend(None),
    make_function, lambda: make_function().__closure__[0], lambda: make_function().__code__, lambda: SHARED.method, lambda: [].append, lambda: len,
    lambda: functools.partial(max, 1), lambda: functools.lru_cache(make_function()), lambda: functools.singledispatch(make_function()),
    lambda: functools.cmp_to_key(lambda a, b: 0)(1), lambda: operator.itemgetter(1), lambda: operator.attrgetter("a"),
    lambda: property(len), lambda: classmethod(len), lambda: staticmethod(len), lambda: super(Child, Child()), lambda: functools.cached_property(len),
    lambda: type("Made", (), {}), lambda: type("Made", (Parent,), {"x": 1}), lambda: type("Made", (Slotted,), {"__slots__": ()}),
    lambda: enum.Enum("Colour", "RED GREEN"), lambda: abc.ABCMeta("Made", (), {}), lambda: collections.namedtuple("P", "x y"), lambda: types.ModuleType("made"),
    make_traceback, lambda: make_traceback().__traceback__, lambda: ExceptionGroup("g", [MyError()]), lambda: sys._getframe(),
    lambda: weakref.ref(Plain()), lambda: weakref.ref(SHARED), lambda: weakref.proxy(SHARED), lambda: weakref.WeakValueDictionary(a=SHARED),
    lambda: weakref.WeakKeyDictionary({SHARED: 1}), lambda: weakref.WeakSet([SHARED]), lambda: weakref.finalize(SHARED, len, ()),
    lambda: io.BytesIO(b"a\nb\n"), lambda: io.StringIO("a\nb\n"), lambda: io.TextIOWrapper(io.BytesIO(b"a\nb\n"), "utf-8"), lambda: io.BufferedReader(io.BytesIO(b"a\nb\n")),
    lambda: io.BufferedWriter(io.BytesIO()), lambda: io.BufferedRandom(io.BytesIO(b"abc")), lambda: io.BufferedRWPair(io.BytesIO(b"abc"), io.BytesIO()),
    lambda: tempfile.TemporaryFile(), lambda: tempfile.TemporaryFile("w+"), lambda: mmap.mmap(-1, 4096),
    lambda: re.compile("(a)(?P<name>b*)"), lambda: re.match("(a)(?P<name>b*)", "abb"), lambda: re.finditer("a", "aaaa"), lambda: re.compile("a").scanner("aaaa"),
    lambda: struct.Struct("<iq"), lambda: struct.iter_unpack("<i", bytes(16)), lambda: random.Random(1), lambda: json.JSONDecoder(), lambda: json.JSONEncoder(),
    lambda: pickle.Pickler(io.BytesIO()), lambda: pickle.Unpickler(io.BytesIO(pickle.dumps([1]))), lambda: csv.reader(["a,b", "c,d"]), lambda: csv.writer(io.StringIO()),
    lambda: hashlib.sha256(b"x"), lambda: hashlib.md5(), lambda: zlib.compressobj(), lambda: zlib.decompressobj(),
    lambda: codecs.getincrementaldecoder("utf-8")(), lambda: codecs.getincrementalencoder("utf-16")(), lambda: string.Template("$a $b"), lambda: string.Formatter(),
    lambda: decimal.Decimal("1.5"), lambda: decimal.Context(), lambda: fractions.Fraction(1, 3), lambda: datetime.datetime(2020, 1, 1), lambda: datetime.timedelta(1),
    lambda: contextvars.ContextVar("v", default=1), lambda: contextvars.copy_context(), lambda: contextvars.ContextVar("v").set(1),
    lambda: threading.local(), lambda: threading.Lock(), lambda: threading.RLock(), lambda: threading.Event(), lambda: threading.Condition(), lambda: threading.Semaphore(3),
    lambda: threading.Barrier(2), lambda: threading.Thread(target=len), lambda: queue.SimpleQueue(), lambda: queue.Queue(2), lambda: queue.PriorityQueue(), lambda: queue.LifoQueue(),
    lambda: concurrent.futures.Future(), lambda: select.poll(), lambda: threading.Timer(60, len),
    make_future, lambda: asyncio.Queue(), lambda: asyncio.Lock(), lambda: asyncio.Event(),
    lambda: slice(1, 5), lambda: range(10), lambda: "text", lambda: "t\u00e9xt" * 3, lambda: 7, lambda: 1 << 70, lambda: 1.5, lambda: 2j, lambda: list[int], lambda: int | str,
    make_parser, lambda: iter(make_mapping()), lambda: memoryview(make_mapping()), lambda: re.match(b"(a)(b)", make_mapping()),
    lambda: re.compile(b"a").scanner(bytearray(b"aaaa")), lambda: os.scandir("/"), make_pickler, lambda: make_pickler().memo,
    lambda: pickle.Unpickler(io.BytesIO(pickle.dumps([1, [2], "x"]) * 50)), lambda: pickle.PickleBuffer(bytearray(b"abc")),
    lambda: collections.OrderedDict((i, i) for i in range(50)), lambda: reversed(collections.OrderedDict(a=1, b=2)), lambda: re.compile("(?P<x>a)|b").groupindex,
    lambda: operator.methodcaller("x", a=1), lambda: time.localtime(), lambda: os.stat("/"), lambda: threading.BoundedSemaphore(2), lambda: threading.Barrier(1),
    lambda: threading.Condition.__new__(threading.Condition), lambda: queue.Queue.__new__(queue.Queue), lambda: threading.Event.__new__(threading.Event),
    lambda: threading.Barrier.__new__(threading.Barrier), lambda: struct.Struct.__new__(struct.Struct),
    lambda: inspect.signature(make_function()), lambda: ast.parse("a + 1"), lambda: compile("a + 1", "x", "eval"), lambda: contextlib.ExitStack(),
]
UNARY = [len, iter, list, tuple, set, dict, sorted, repr, str, hash, bool, next, reversed, sum, max, min, any, all, dir, vars, copy.copy, copy.deepcopy,
         bytes, bytearray, memoryview, enumerate, frozenset, callable, pickle.dumps, weakref.ref, sys.getsizeof, lambda x: [*x], lambda x: {**x},
         lambda x: make_function()(*x), lambda x: make_function()(**x), lambda x: [y for y in x], lambda x: f"{x!r}", lambda x: x(), lambda x: x(x),
         lambda x: x[0], lambda x: x[1:], lambda x: type(x)(x), lambda x: x == x, lambda x: isinstance(1, x), lambda x: x.close(), lambda x: x.send(None)]
BINARY = [operator.add, operator.sub, operator.and_, operator.or_, operator.xor, operator.iadd, operator.ior, operator.iand, operator.isub,
          operator.ixor, operator.eq, operator.lt, operator.contains, operator.getitem, operator.delitem, operator.concat]
# What would block, with a time.
TIMED = {"acquire": lambda x: x.acquire(timeout=1e-4), "wait": lambda x: x.wait(1e-4), "get": lambda x: x.get(timeout=1e-4),
         "put": lambda x: x.put(1, timeout=1e-4), "result": lambda x: x.result(timeout=1e-4), "exception": lambda x: x.exception(timeout=1e-4),
         "join": lambda x: x.join(1e-4) if isinstance(x, threading.Thread) else None, "poll": lambda x: x.poll(1)}
NAMES = ["a", "b", "c", "x", "new", "shared", "method", "once", "computed", "__class__", "__dict__", "__doc__", "__name__"]


def some_value(r, make, target):
    choice = r.randrange(12)
    if choice == 0: return target
    if choice == 1: return make()
    if choice == 2: return r.choice([Plain, Parent, Child, Slotted, MyError])
    if choice == 3: return r.choice([{}, {"a": 1}, {"b": 2, "x": 3}])
    if choice == 4: return r.choice([[1, 2], (1, 2), "ab", b"ab", [("a", 1)]])
    if choice == 5: return r.choice([len, str, make_function()])
    return r.choice([0, 1, 2, -1, 5, "a", "x", None, True, 1.5])


def attributes_of(example):
    return [name for name in dir(example) if name not in REFUSED and not name.startswith("__reduce") and (name[0] != "_" or name[1] == "_")]


def is_method(example, name):
    try: value = getattr(example, name)
    except Exception: return False  # absent, or of an object that nobody has initialised
    return callable(value) and not isinstance(value, type)


def choose_operation(r, make, example):
    """A function of the target: the same operation on each, with arguments chosen now."""
    timed = [name for name in TIMED if is_method(example, name)]
    if timed and r.random() < 0.3:
        name = r.choice(timed)
        return f".{name}(timeout)", TIMED[name]
    kind = r.randrange(10)
    name = r.choice(NAMES) if r.random() < 0.3 else r.choice(attributes_of(example) or NAMES)
    if kind < 3 and name not in REFUSED and is_method(example, name):
        arguments = [some_value(r, make, example) for _ in range(r.choice([0, 0, 1, 1, 2, 3]))]
        return f".{name}(...)", lambda target: getattr(target, name)(*arguments)
    if kind == 3: return f".{name}", lambda target: getattr(target, name)
    if kind in (4, 5):
        name = r.choice(NAMES) if kind == 4 else name
        value = some_value(r, make, example)

        def store(target):
            setattr(target, name, value)
            setattr(target, name, value)
        return f".{name} = ...", store
    if kind == 6: return f"del .{name}", lambda target: delattr(target, name)
    if kind == 7:
        operation, value = r.choice(BINARY), some_value(r, make, example)
        return operation.__name__, lambda target: operation(target, value)
    if kind == 8:
        key, value = some_value(r, make, example), some_value(r, make, example)
        return "[...] = ...", lambda target: operator.setitem(target, key, value)
    operation = r.choice(UNARY)
    return getattr(operation, "__name__", "?"), operation


class Round:
    def __init__(self, r):
        self.number = KIND if KIND is not None else r.randrange(len(KINDS))
        self.make = KINDS[self.number]
        self.target = example = self.make()
        with contextlib.suppress(Exception): vars(self.make())
        self.names, self.operations = zip(*[choose_operation(r, self.make, example) for _ in range(WORKERS + 1)])
        self.until = time.monotonic() + ROUND


def do(operation, target):
    try: result = operation(target)
    except Exception: return
    except (GeneratorExit, asyncio.CancelledError): return
    for value in result if type(result) in (tuple, list) else (result,):
        # What the virtual machine has for "no value" must not get here: its type looks like this one.
        if type(value) is type(NotImplemented) and value is not NotImplemented:
            print("no value from", *current.names, file=sys.stderr, flush=True)
            os._exit(1)


def work(number, until):
    while (now := time.monotonic()) < until:
        round = current
        operation = round.operations[number]
        end = min(round.until, until)
        while now < end:
            for _ in range(20): do(operation, round.target)
            now = time.monotonic()
        time.sleep(0.0001)


def make_targets(round):
    operation, make = round.operations[WORKERS], round.make
    while time.monotonic() < round.until:
        for _ in range(20):
            round.target = make()
            for _ in range(3): do(operation, round.target)


def main():
    global current
    r = random.Random(SEED)
    current = Round(r)
    until = time.monotonic() + SECONDS
    threads = [threading.Thread(target=work, args=(n, until), daemon=True) for n in range(WORKERS)]
    for thread in threads: thread.start()
    rounds = 0
    while time.monotonic() < until:
        current = Round(r)
        rounds += 1
        # For the report of a crash: the last line says what it was.
        print(current.number, *current.names, file=log)
        log.flush()
        make_targets(current)
    for thread in threads: thread.join()
    print("ok", rounds, "rounds")


if __name__ == "__main__":
    log = sys.stderr
    main()
