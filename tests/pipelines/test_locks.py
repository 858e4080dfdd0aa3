"""Cores of stages without networks: a share where several run side by side, else all of them."""

from __future__ import annotations

import sys
import threading
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from difftalker.compute.parallel import CORES, usable_cores, worker_count
from pipelines import locks
from pipelines.locks import cpu_place
from pipelines.process import Stopped, command_environment, run_command
from pipelines.reproduce import reproduce
from tests.pipelines.toy import Toy
from tests.project import ROOT

# A stage that writes down how many cores it may use.
SCRIPT = """\
import sys
from difftalker.compute.parallel import usable_cores
open(sys.argv[2], "w").write(f"[{usable_cores()}]")
"""


def never() -> bool:
    return False


@pytest.mark.parametrize(
    ("available", "sharing", "expected"),
    [
        (2, 0, [None, None]),
        (2, 1, [None, None]),
        (2, 2, [1, 1, 1]),
        (2, 5, [1, 1, 1]),
        (5, 2, [2, 2, 2]),
        (4, 3, [1, 1, 1, 1, 1]),
        (1, 4, [None, None]),
    ],
)
def test_places(available: int, sharing: int, expected: list[int | None], monkeypatch: pytest.MonkeyPatch) -> None:
    """Half as many places again as stages or cores; the next stage waits for a free one."""
    monkeypatch.setattr(locks, "usable_cores", lambda: available)
    got: list[Any] = []
    with ExitStack() as stack:
        assert [stack.enter_context(cpu_place(sharing, never)) for _ in expected] == expected
        with pytest.raises(Stopped), cpu_place(sharing, lambda: True):
            pass

        def one_more() -> None:
            with cpu_place(sharing, never) as place:
                got.append(place)

        waiting = threading.Thread(target=one_more)
        waiting.start()
        waiting.join(0.2)
        assert waiting.is_alive() and not got
    waiting.join(10)
    assert got[0] in expected


def test_a_command_uses_its_share(monkeypatch: pytest.MonkeyPatch) -> None:
    script = "from difftalker.compute.parallel import CORES, usable_cores, worker_count; print(worker_count(99))"

    def workers(cores: int | None) -> int:
        lines: list[str] = []
        environment = {**command_environment(cores), "PYTHONPATH": str(ROOT)}
        run_command([sys.executable, "-c", script], title="x", log=lines.append, environment=environment)
        return int(lines[0])

    assert workers(1) == 1
    assert workers(1000) == workers(None) == usable_cores()
    assert worker_count(1) == 1 and worker_count(0) == 1
    for nonsense in ("", "0", "-2", "many"):
        monkeypatch.setenv(CORES, nonsense)
        assert usable_cores() == workers(None)


def test_recordings_share_the_cores(tmp_path: Path, server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two recordings to do: each with its share of the cores. One of them, a much longer one, networks: all cores."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    toy = Toy(tmp_path)
    (tmp_path / "cores.py").write_text(SCRIPT)

    stage = {
        "matrix": {"rec": ["one", "two"]},
        "cmd": "python cores.py ${item.rec} ${item.rec}.txt",
        "params": ["${item.rec}", "device"],
        "outs": ["${item.rec}.txt"],
        "meta": {"device": {"other": 6}},
    }
    toy.write_graph({"find": stage})

    def run() -> list[int]:
        state = reproduce(root=str(tmp_path), return_state=True)
        assert state.is_completed(), state.message
        return [int(text.strip("[]")) for text in toy.texts().values() if text.startswith("[")]

    usable = usable_cores()
    second = max(1, usable // 2)
    assert run() == [second, second]

    toy.set(one=11)
    assert run() == [usable, second]

    for name, size in (("one", 100), ("two", 30)):
        (tmp_path / "data/raw" / name).mkdir(parents=True)
        (tmp_path / "data/raw" / name / "film.mp4").write_bytes(bytes(size))
    toy.set(one=13, two=13)
    assert run() == [usable, usable], "the long one would be waited for"

    toy.set(other=6, one=12, two=12)
    assert run() == [usable, usable], "the condition in `meta` holds now: one at a time"
