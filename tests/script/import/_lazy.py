"""Lazy module."""
def __getattr__(name):
    if name == "computed": return "made on demand"
    raise AttributeError(f"module has no {name}")
def __dir__(): return ["aa", "bb"]
