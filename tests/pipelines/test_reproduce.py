"""The flow on a small graph: what runs, what is cached, and that Prefect's cache and DVC never disagree."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from pipelines.reproduce import reproduce
from tests.pipelines.toy import Toy

STAGES = {"source.txt.dvc", "one", "two", "both", "model"}


@pytest.fixture(scope="module", autouse=True)
def _server(server: str) -> None:
    pass


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Toy:
    """Reproduced by the flow."""
    toy = Toy(tmp_path_factory.mktemp("toy"))
    toy.set(seconds=0.7)
    states = run(toy)
    assert {name for name, state in states.items() if state == "Completed"} == {"one", "two", "both", "model"}
    events = toy.events()
    assert sorted(events[:2]) == ["start one", "start two"], "independent stages run at the same time"
    assert events[4:] == ["start both", "end both", "start model", "end model"], "the others wait"
    assert toy.up_to_date()
    return toy


@pytest.fixture
def toy(project: Toy) -> Toy:
    """As it was at first, up to date, with the last test's changes undone."""
    project.set()
    run(project)
    project.runs()
    return project


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

    monkeypatch.setattr("pipelines.stage.run_command", forbidden)
    lock = (toy.root / "dvc.lock").read_bytes()
    assert ran(run(toy)) == set()
    assert (toy.root / "dvc.lock").read_bytes() == lock
    assert ran(run(toy, targets=["both"]) | {"model": "Cached"}) == set()


def test_stages_that_dvc_brought_up_to_date_are_cached(toy: Toy) -> None:
    """Prefect never saw this state before."""
    toy.set(two=20)
    toy.dvc("repro", "--quiet")
    assert toy.runs() == ["both", "model", "two"]
    assert ran(run(toy)) == set() and toy.runs() == []


def test_changed_parameter_runs_its_stage_and_what_follows(toy: Toy) -> None:
    toy.set(both=30)
    assert ran(run(toy)) == {"both", "model"}
    assert toy.runs() == ["both", "model"]
    assert toy.texts()["model"] == "source\n1\nsource\n2\n30\n4\n"
    assert ran(run(toy)) == set()


def test_changed_command_with_an_equal_output(toy: Toy) -> None:
    """What follows a stage that ran with the same result stays cached, as with DVC."""
    graph = (toy.root / "dvc.yaml").read_text()
    (toy.root / "dvc.yaml").write_text(graph.replace("join.py source.txt one.txt", "./join.py source.txt one.txt"))
    assert ran(run(toy)) == {"one"}
    assert toy.runs() == ["one"]
    (toy.root / "dvc.yaml").write_text(graph)


def test_changed_and_restored_input(toy: Toy) -> None:
    """A, B, A: Prefect has a record of A, but the outputs in the workspace are B's."""
    first = toy.texts()
    replace(toy.root / "source.txt", "other\n")
    assert ran(run(toy)) == STAGES, "tracked data is recorded anew"
    assert toy.texts()["model"] == "other\n1\nother\n2\n3\n4\n"
    toy.runs()

    replace(toy.root / "source.txt", "source\n")
    assert ran(run(toy)) == STAGES
    assert toy.runs() == [], "DVC has the results in its run cache"
    assert toy.texts() == first
    assert toy.up_to_date() and ran(run(toy)) == set()


def test_deleted_and_damaged_outputs_are_restored(toy: Toy) -> None:
    first = toy.texts()
    (toy.root / "both.txt").unlink()
    assert ran(run(toy)) == {"both"}
    replace(toy.root / "model.txt", "damaged\n")
    assert ran(run(toy)) == {"model"}
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
    assert message == "one: failed with status 255: error: one was told to fail; not run: both, model"
    assert toy.runs() == ["one", "two"]
    toy.set(one=10, two=21)
    assert ran(run(toy)) == {"one", "both", "model"}
    assert toy.texts()["model"] == "source\n10\nsource\n21\n3\n4\n"


def test_broken_graph_fails_in_one_line(toy: Toy) -> None:
    graph = (toy.root / "dvc.yaml").read_text()
    (toy.root / "dvc.yaml").write_text(graph.replace("outs:", "out:"))
    message = failed(toy)
    (toy.root / "dvc.yaml").write_text(graph)
    assert "dvc.yaml" in message and "\n" not in message


def test_stages_with_networks_run_one_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    root = tmp_path / "toy"
    root.mkdir()
    toy = Toy(root)
    names = ("one", "two")
    toy.write_graph({name: toy.stage(name, ["source.txt"], ["device"]) for name in names})
    toy.set(seconds=0.5)
    state = reproduce(root=str(root), return_state=True)
    assert state.is_completed()
    events = toy.events()
    assert [event.split()[0] for event in events] == ["start", "end", "start", "end"], events


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
