"""The flow on a small graph: what runs, what is cached, and that Prefect's cache and DVC never disagree."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipelines.reproduce import reproduce
from tests.pipelines.toy import Toy

RUN = {"one", "two", "both", "model", "other"}
STAGES = {"source.txt.dvc", *RUN}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, server: str) -> Iterator[Toy]:
    """Reproduced by the flow. Each test leaves it up to date, so that the next one finds only its own changes."""
    toy = Toy(tmp_path_factory.mktemp("toy"))
    toy.set(together="one two", seconds=0.2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tempfile.tempdir", str(toy.root.parent))  # the device lock of these tests alone
        assert ran(run(toy)) == RUN
        toy.set(together="none", seconds=0)
        yield toy


@pytest.fixture
def toy(project: Toy) -> Toy:
    project.events()
    return project


def test_first_run(project: Toy) -> None:
    """Independent stages run at the same time, those with networks one at a time, the others wait for their inputs."""
    events = project.events()
    assert sorted(events[:2]) == ["start one", "start two"]
    assert events[4:6] == ["start both", "end both"]
    assert [event.split()[0] for event in events[6:]] == ["start", "end", "start", "end"]
    assert project.texts()["both"] == project.expected() and project.up_to_date()


def run(toy: Toy, **options: Any) -> dict[str, str]:
    """Run the flow; states of the stages by name."""
    state = reproduce(root=str(toy.root), return_state=True, **options)
    assert state.is_completed(), state.message
    return state.result()


def failed(toy: Toy) -> str:
    state = reproduce(root=str(toy.root), return_state=True)
    assert state.is_failed()
    return str(state.message)


def ran(states: dict[str, str]) -> set[str]:
    assert states.keys() == STAGES and set(states.values()) <= {"Cached", "Completed"}
    return {name for name, state in states.items() if state == "Completed"}


def replace(path: Path, text: str) -> None:
    """Write a new file: the old one may be a link into the cache."""
    path.unlink(missing_ok=True)
    path.write_text(text)


def test_unchanged_stages_start_no_process(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*arguments: Any, **options: Any) -> None:
        raise AssertionError("a process was started")

    monkeypatch.setattr("pipelines.reproduce.run_command", forbidden)
    lock = (toy.root / "dvc.lock").read_bytes()
    assert ran(run(toy)) == set()
    assert (toy.root / "dvc.lock").read_bytes() == lock
    assert set(run(toy, targets=["both"]).values()) == {"Cached"}


def test_stages_that_dvc_brought_up_to_date_are_cached(toy: Toy) -> None:
    """Prefect never saw this state before."""
    toy.set(two=20)
    toy.dvc("repro", "--quiet")
    assert toy.runs() == ["both", "model", "other", "two"]
    assert ran(run(toy)) == set() and toy.runs() == []


def test_changed_parameter_runs_its_stage_and_what_follows(toy: Toy) -> None:
    toy.set(both=30)
    assert ran(run(toy)) == {"both", "model", "other"}
    assert toy.runs() == ["both", "model", "other"]
    assert toy.texts()["both"] == toy.expected()
    assert ran(run(toy)) == set()


def test_changed_command_with_an_equal_output(toy: Toy) -> None:
    """What follows a stage that ran with the same result stays cached, as with DVC."""
    graph = (toy.root / "dvc.yaml").read_text()
    (toy.root / "dvc.yaml").write_text(graph.replace("join.py source.txt one.txt", "./join.py source.txt one.txt"))
    assert ran(run(toy)) == {"one"}
    assert toy.runs() == ["one"]


def test_changed_and_restored_input(toy: Toy) -> None:
    """A, B, A: Prefect has a record of A, but the outputs in the workspace are B's."""
    first = toy.texts()
    replace(toy.root / "source.txt", "other\n")
    assert run(toy, targets=["one"]) == {"source.txt.dvc": "Completed", "one": "Completed"}
    assert toy.texts()["one"] == "other\n1\n" and toy.runs() == ["one"]

    replace(toy.root / "source.txt", "source\n")
    assert run(toy, targets=["one"]) == {"source.txt.dvc": "Completed", "one": "Completed"}
    assert toy.runs() == [], "DVC has the result in its run cache"
    assert toy.texts() == first
    assert toy.up_to_date() and ran(run(toy)) == set()


def test_deleted_and_damaged_outputs_are_restored(toy: Toy) -> None:
    first = toy.texts()
    (toy.root / "both.txt").unlink()
    (toy.root / "source.txt").unlink()
    replace(toy.root / "model.txt", "damaged\n")
    assert ran(run(toy)) == {"both", "model", "source.txt.dvc"}, "tracked data comes back, too"
    assert toy.runs() == [] and toy.texts() == first
    assert ran(run(toy)) == set()


def test_output_that_no_cache_has_is_made_again(toy: Toy) -> None:
    first = toy.texts()
    for path in (toy.root / ".dvc/cache/files").rglob("*"):
        if path.is_file() and path.read_text() == first["one"]:
            path.unlink()
    assert ran(run(toy)) == {"one"}
    assert toy.runs() == ["one"] and toy.texts() == first


def test_failed_stage_stops_only_what_needs_it(toy: Toy) -> None:
    toy.set(fail="one", one=10, two=21)
    message = failed(toy)
    assert message == "one: failed with status 255: error: one was told to fail; not run: both, model, other"
    assert toy.runs() == ["one", "two"]
    toy.set(fail="no")
    assert ran(run(toy)) == {"one", "both", "model", "other"}
    assert toy.texts()["both"] == toy.expected()


def test_broken_graph_fails_in_one_line(toy: Toy) -> None:
    graph = (toy.root / "dvc.yaml").read_text()
    (toy.root / "dvc.yaml").write_text(graph.replace("outs:", "out:"))
    message = failed(toy)
    (toy.root / "dvc.yaml").write_text(graph)
    assert "dvc.yaml" in message and "\n" not in message


def test_prefect_records_the_states(toy: Toy) -> None:
    """What the user interface shows."""
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId

    state = reproduce(root=str(toy.root), return_state=True)
    which = FlowRunFilter(id=FlowRunFilterId(any_=[state.state_details.flow_run_id]))
    with get_client(sync_client=True) as client:
        deadline = time.monotonic() + 20  # the server takes the states from a stream of events
        while True:
            runs = {run.name: run.state_name for run in client.read_task_runs(flow_run_filter=which)}
            if runs == dict.fromkeys(STAGES, "Cached") or time.monotonic() > deadline:
                break
            time.sleep(0.2)
    assert runs == dict.fromkeys(STAGES, "Cached")


@pytest.mark.slow
def test_stages_spread_over_dask_workers(toy: Toy) -> None:
    distributed = pytest.importorskip("distributed")
    pytest.importorskip("prefect_dask")
    from pipelines.runtime import task_runner

    toy.set(one=11, two=12)
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, host="127.0.0.1", dashboard_address=None
    ) as cluster:
        spread = reproduce.with_options(task_runner=task_runner("dask", scheduler=cluster.scheduler_address))
        state = spread(root=str(toy.root), return_state=True)
    assert state.is_completed(), state.message
    assert ran(state.result()) == RUN
    assert toy.texts()["both"] == toy.expected()
