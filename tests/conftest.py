"""What all tests need before anything is imported."""

import os

# face-alignment compiles helpers for up to a minute. Numba reads this when whatever test first imports it.
os.environ.setdefault("NUMBA_DISABLE_JIT", "1")
