from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from difftalker.errors import UserError
from pipelines import process
from pipelines.process import Stopped, command_environment, run_command, stop_all, stopping_at_exit
from tests.pipelines.toy import alive

# Starts a child of its own, says so, and sleeps; with `deaf` both ignore what can be ignored.
PARENT = """
import signal, subprocess, sys, time
if "deaf" in sys.argv:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
subprocess.Popen(["sleep", "60"])
try:
    print("ready", flush=True)
    time.sleep(60)
except KeyboardInterrupt:
    print("saved", flush=True)
"""


def command(marker: str, *arguments: str) -> list[str]:
    return [sys.executable, "-c", f"# {marker}\n{PARENT}", *arguments]


@pytest.fixture
def marker(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    name = f"supervised-{tmp_path.name}-{os.getpid()}"
    monkeypatch.setenv("TEST_MARKER", name)  # inherited by every process of the command
    return name


def others(marker: str) -> list[int]:
    return alive(f"TEST_MARKER={marker}")


def test_output_comes_line_by_line(tmp_path: Path) -> None:
    lines: list[tuple[float, str]] = []
    script = "import sys,time; print('first', flush=True); time.sleep(0.4); sys.stderr.write('50%\\r100%\\n\\nlast')"
    run_command([sys.executable, "-c", script], title="x", log=lambda line: lines.append((time.monotonic(), line)))
    assert [line for _, line in lines] == ["first", "50%", "100%", "last"]
    assert lines[1][0] - lines[0][0] > 0.3


def test_output_that_is_read_late_is_not_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine the command may have ended before its output is looked at."""

    class Late(threading.Thread):
        def run(self) -> None:
            time.sleep(1.2)
            super().run()

    monkeypatch.setattr(threading, "Thread", Late)
    lines: list[str] = []
    run_command([sys.executable, "-c", "print('done')"], title="x", log=lines.append)
    assert lines == ["done"]


def test_failure_names_status_and_reason() -> None:
    script = "import sys; print('before'); sys.exit('error: data/x: no such file')"
    environment = command_environment()
    with pytest.raises(UserError) as caught:
        run_command([sys.executable, "-c", script], title="x", log=lambda line: None, environment=environment)
    assert str(caught.value) == "x: failed with status 1: error: data/x: no such file"


@pytest.mark.parametrize(("how", "deaf"), [("stop_all", False), ("stop", False), ("stop_all", True)])
def test_stop_ends_the_whole_group(marker: str, how: str, deaf: bool) -> None:
    lines: list[str] = []
    ready, enough = threading.Event(), threading.Event()

    def log(line: str) -> None:
        lines.append(line)
        ready.set()

    def body() -> None:
        with pytest.raises(Stopped, match="x: stopped"):
            run_command(
                command(marker, *(["deaf"] if deaf else [])),
                title="x",
                log=log,
                stop=enough.is_set if how == "stop" else lambda: False,
            )
        lines.append("done")

    with stopping_at_exit():
        thread = threading.Thread(target=body)
        thread.start()
        assert ready.wait(20)
        deadline = time.monotonic() + 10
        while len(others(marker)) < 3:  # supervisor, parent, child; a new program's environment is empty first
            assert time.monotonic() < deadline
            time.sleep(0.02)
        started = time.monotonic()
        enough.set()
        if how == "stop_all":
            stop_all()
        thread.join(20)
        assert time.monotonic() - started < 10
    assert lines == ["ready", *([] if deaf else ["saved"]), "done"]
    assert not others(marker)
    if how == "stop_all":
        with pytest.raises(Stopped, match="not started"):
            run_command(["true"], title="y", log=print)
    with stopping_at_exit():
        run_command(["true"], title="y", log=print)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_group_does_not_outlive_its_starter(marker: str, number: signal.Signals, tmp_path: Path) -> None:
    """Nobody is left to clean up, and still the group ends; a lock handed over is held until then."""
    starter = f"""
import fcntl, sys
from pipelines.process import run_command
lock = open({str(tmp_path / "lock")!r}, "w")
fcntl.flock(lock, fcntl.LOCK_EX)
run_command({command(marker)!r}, title="x", log=lambda line: print(line, flush=True), holding=[lock.fileno()])
"""
    environment = {**os.environ, "PYTHONPATH": str(Path(process.__file__).parents[1])}
    starting = subprocess.Popen([sys.executable, "-c", starter], stdout=subprocess.PIPE, env=environment)
    assert starting.stdout is not None and starting.stdout.readline() == b"ready\n"
    started = time.monotonic()
    starting.send_signal(number)
    starting.wait()
    with (tmp_path / "lock").open("r+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert not others(marker), "the lock was free before the processes had ended"
    starting.stdout.close()
    assert time.monotonic() - started < 10


# What runs as process 1 in many containers: it becomes the parent of orphans and never looks at them.
CARELESS = """
import ctypes, subprocess, sys
ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)
sys.exit(subprocess.call(sys.argv[1:]))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="uses prctl")
def test_ended_orphans_are_not_waited_for() -> None:
    """As of a pool of processes: a helper that ends a moment after the command."""
    script = """
import subprocess, time
from pipelines.process import run_command
run_command(["sh", "-c", "sleep 0.2 & echo done"], title="x", log=lambda line: globals().update(ended=time.monotonic()))
print(time.monotonic() - ended)
"""
    environment = {**os.environ, "PYTHONPATH": str(Path(process.__file__).parents[1])}
    command = [sys.executable, "-c", CARELESS, sys.executable, "-c", script]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert float(done.stdout) < 2, "not the whole grace period"
