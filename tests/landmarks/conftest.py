import os

os.environ.setdefault("NUMBA_DISABLE_JIT", "1")  # face-alignment compiles helpers for up to a minute
