"""What all tests need before anything else."""

import os
import signal
import tempfile

import pytest
from hypothesis import settings

# face-alignment compiles helpers for up to a minute. Numba reads this when whatever test first imports it.
os.environ.setdefault("NUMBA_DISABLE_JIT", "1")

# Shells start background jobs with SIGINT ignored. Commands that tests interrupt would inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Films are signed: with a key of the tests, not with the user's. Processes that tests start inherit this.
_CONFIGURATION = tempfile.TemporaryDirectory(prefix="difftalker-tests-")
os.environ["DIFFTALKER_CONFIG"] = _CONFIGURATION.name
for _name in ("DIFFTALKER_SIGN_KEY", "DIFFTALKER_SIGN_CERT"):
    os.environ.pop(_name, None)

# How long an example takes says how busy the machine is.
settings.register_profile("busy", deadline=None)
settings.load_profile("busy")

# Files of few tests that take long. Begun last, they would leave the other processes idle.
_LONG = ("tests/test_pipeline.py", "tests/pipelines/", "tests/torture/", "tests/test_gpu_preset.py", "tests/fuzz/")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files first, for several processes."""
    items.sort(key=lambda item: not item.nodeid.startswith(_LONG))
