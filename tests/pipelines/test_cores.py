"""Cores of stages without networks: of their own where several run side by side, else all of them."""

from __future__ import annotations

import json
import os
import sys
import threading
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from difftalker.parallel import worker_count
from pipelines import cores
from pipelines.cores import cpu_place
from pipelines.process import Stopped, run_command
from pipelines.reproduce import reproduce
from tests.pipelines.toy import Toy

# A stage that writes down on which cores it may run.
SCRIPT = "import os, sys; open(sys.argv[2], 'w').write(f'{sys.argv[1]} {sorted(os.sched_getaffinity(0))}')"

needs_affinity = pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system cannot restrict cores")


def never() -> bool:
    return False


@pytest.mark.parametrize(
    ("available", "sharing", "expected"),
    [
        ([0, 1], 0, [None, None]),
        ([0, 1], 1, [None, None]),
        ([0, 1], 2, [[0], [1], [0]]),
        ([0, 1], 5, [[0], [1], [0]]),
        ([0, 2, 4, 6, 7], 2, [[0, 4, 7], [2, 6], [0, 4, 7]]),
        ([0, 1, 2, 3], 3, [[0, 3], [1], [2], [0, 3], [1]]),
        ([3], 4, [None, None]),
    ],
)
def test_places(
    available: list[int], sharing: int, expected: list[list[int] | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half as many places again as stages or cores; the next stage waits for a free one."""
    monkeypatch.setattr(cores, "usable_cores", lambda: available)
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


@needs_affinity
def test_command_and_its_children_keep_to_the_cores() -> None:
    core = min(os.sched_getaffinity(0))
    script = (
        "import os, subprocess, sys; from difftalker.parallel import worker_count;"
        "print(worker_count(99), flush=True);"
        "subprocess.run([sys.executable, '-c', 'import os; print(os.sched_getaffinity(0))'])"
    )
    lines: list[str] = []
    environment = {**os.environ, "PYTHONPATH": str(Path(cores.__file__).parents[1])}
    run_command([sys.executable, "-c", script], title="x", log=lines.append, cores=[core], environment=environment)
    assert lines == ["1", f"{{{core}}}"]
    assert worker_count(99) == len(os.sched_getaffinity(0)) and worker_count(1) == 1 and worker_count(0) == 1


@needs_affinity
def test_recordings_share_the_cores(tmp_path: Path, server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two recordings to do: each on cores of its own. One of them, a much longer one, networks: all cores."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
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

    def run() -> list[set[int]]:
        state = reproduce(root=str(tmp_path), return_state=True)
        assert state.is_completed(), state.message
        return [set(json.loads(text.partition(" ")[2])) for text in toy.texts().values() if "[" in text]

    usable = os.sched_getaffinity(0)
    first, second = run()
    assert first | second == usable
    assert len(usable) == 1 or not first & second

    toy.set(one=11)
    assert run() == [usable, second]

    for name, size in (("one", 100), ("two", 30)):
        (tmp_path / "data/raw" / name).mkdir(parents=True)
        (tmp_path / "data/raw" / name / "film.mp4").write_bytes(bytes(size))
    toy.set(one=13, two=13)
    assert run() == [usable, usable], "the long one would be waited for"

    toy.set(other=6, one=12, two=12)
    assert run() == [usable, usable], "the condition in `meta` holds now: one at a time"
