import _circ_a
seen = hasattr(_circ_a, "value")
def later(): return _circ_a.value
