__all__ = ["a", "_hidden"]
a, b, _hidden = 1, 2, 3
