"""A flow that is ended from outside leaves no process and no lock behind, and the next one goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.pipelines.toy import Toy, alive
from tests.project import ROOT


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory, server: str) -> Toy:
    toy = Toy(tmp_path_factory.mktemp("toy"))
    toy.write_graph({name: toy.stage(name, ["source.txt"]) for name in ("one", "two")})
    return toy


def start(toy: Toy, marker: str) -> subprocess.Popen[str]:
    """The flow as a user starts it, once a stage and another beside it are running."""
    toy.set(seconds=60)
    toy.events()
    process = subprocess.Popen(
        [sys.executable, "-m", "pipelines", "reproduce"],
        cwd=toy.root,
        env={**toy.environment, **os.environ, "PYTHONPATH": str(ROOT), "MARKER": marker, "TMPDIR": str(toy.root)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    wait_until(lambda: len(toy.started()) == 2 or process.poll() is not None)
    assert process.poll() is None, process.communicate()[0]
    return process


def wait_until(condition: Callable[[], bool], seconds: float = 60) -> float:
    """Wait; returns the seconds it took."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < seconds
        time.sleep(0.05)
    return time.monotonic() - began


def cancel_newest_run() -> None:
    """As the button in the user interface does."""
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.sorting import FlowRunSort
    from prefect.states import Cancelling

    with get_client(sync_client=True) as client:
        (run,) = client.read_flow_runs(sort=FlowRunSort.START_TIME_DESC, limit=1)
        client.set_flow_run_state(run.id, Cancelling())


@pytest.mark.parametrize("how", ["SIGINT", pytest.param("SIGTERM", marks=pytest.mark.slow), "SIGKILL", "cancel"])
def test_end_of_a_flow_ends_its_stages(toy: Toy, how: str) -> None:
    marker = f"flow-{how}-{os.getpid()}"
    process = start(toy, marker)
    if how == "cancel":
        cancel_newest_run()
    else:
        process.send_signal(signal.Signals[how])
    assert wait_until(lambda: set(alive(f"MARKER={marker}")) <= {process.pid}) < 10, "stages end at once"
    output = process.communicate()[0]
    assert process.returncode == {"SIGINT": 130, "SIGTERM": -15, "SIGKILL": -9, "cancel": 130}[how], output
    assert not alive(f"MARKER={marker}")
    assert toy.locked() == []
    if how in ("SIGINT", "cancel"):
        assert output.splitlines()[-1].endswith("the next run goes on where this one stopped"), output


def test_next_run_goes_on(toy: Toy) -> None:
    toy.set(seconds=0)
    done = subprocess.run(
        [sys.executable, "-m", "pipelines", "reproduce"],
        cwd=toy.root,
        env={**toy.environment, **os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "3 stages: 1 unchanged, 2 run\n"
    assert toy.up_to_date()


@pytest.mark.slow
def test_cancelling_a_served_run(toy: Toy, tmp_path: Path) -> None:
    """A run that `serve` started, cancelled as in the user interface: within 10 s its whole process group is gone."""
    from prefect.client.orchestration import get_client
    from prefect.deployments import run_deployment

    marker = f"serve-{os.getpid()}"
    environment = {**toy.environment, **os.environ, "PYTHONPATH": str(ROOT), "MARKER": marker, "TMPDIR": str(toy.root)}
    toy.set(seconds=61)
    toy.events()
    log = tmp_path / "serve.log"
    with log.open("w") as output:
        serving = subprocess.Popen(
            [sys.executable, "-m", "pipelines", "serve"], cwd=toy.root, env=environment, stdout=output, stderr=output
        )
    try:
        wait_until(lambda: "reproduce/pipeline" in log.read_text() or serving.poll() is not None)
        run = run_deployment("reproduce/pipeline", timeout=0, as_subflow=False)
        wait_until(lambda: len(toy.started()) == 2 or serving.poll() is not None)
        assert serving.poll() is None and len(alive(f"MARKER={marker}")) > 2, log.read_text()
        cancel_newest_run()
        assert wait_until(lambda: set(alive(f"MARKER={marker}")) == {serving.pid}) < 10
        assert toy.locked() == []
        with get_client(sync_client=True) as client:
            wait_until(lambda: client.read_flow_run(run.id).state.is_cancelled(), 20)
    finally:
        serving.send_signal(signal.SIGTERM)
        serving.wait(30)
    assert not alive(f"MARKER={marker}")
