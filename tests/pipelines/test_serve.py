from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest
import yaml

from difftalker.dataset.inbox import Arrival, Inbox
from difftalker.errors import UserError
from difftalker.project import INBOX
from pipelines import serve
from pipelines.reproduce import reproduce
from pipelines.retrain import retrain
from pipelines.serve import take_in
from tests.footage import write_footage
from tests.pipelines.toy import Toy
from tests.project import ROOT


def test_deployments_are_those_of_the_file() -> None:
    found = {f"{entry.flow_name}/{entry.name}": entry for entry in serve.deployments()}
    assert found.keys() == {"reproduce/pipeline", "retrain/weekly", serve.FOOTAGE}
    (weekly,) = found["retrain/weekly"].schedules
    assert weekly.schedule.cron == "0 3 * * 1"
    assert not found[serve.FOOTAGE].schedules
    assert found["reproduce/pipeline"].entrypoint == "pipelines.reproduce.reproduce"


def test_deployments_suit_their_flows() -> None:
    """Whatever `prefect deploy` reads: the entry points exist, and parameters are those of the flows."""
    entries = yaml.safe_load((ROOT / "pipelines/prefect.yaml").read_text())["deployments"]
    flows = {"pipelines.reproduce.reproduce": reproduce, "pipelines.retrain.retrain": retrain}
    for entry in entries:
        flow = flows[entry["entrypoint"]]
        assert entry.get("parameters", {}).keys() <= flow.parameters.properties.keys()
    assert "recording" in retrain.parameters.properties


def test_footage_starts_retrain_on_its_recording(monkeypatch: pytest.MonkeyPatch) -> None:
    started = []
    monkeypatch.setattr(serve, "take_in", lambda name: Path("data/raw") / name)
    monkeypatch.setattr(serve, "run_deployment", lambda name, **options: started.append((name, options)))
    serve.retrain_on(Arrival("anna", "0123"))
    ((name, options),) = started
    assert name == "retrain/new-footage" and options["parameters"] == {"recording": "anna"}
    assert options["idempotency_key"] == "inbox-anna-0123" and options["timeout"] == 0


def test_watch_goes_on_after_an_error(tmp_path: Path) -> None:
    end = threading.Event()
    looks = []

    class Failing(Inbox):
        def look(self) -> None:
            looks.append(1)
            if len(looks) == 3:
                end.set()
            raise OSError("disk")

    serve.watch_inbox(Failing(tmp_path, print, print), end, interval=0.01)
    assert len(looks) == 3


def film(path: Path, shade: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    tone = (8000 * np.sin(np.arange(16_000) * 0.1)).astype(np.int16)
    return write_footage(path, [np.full((64, 64, 3), shade + index, np.uint8) for index in range(25)], sound=tone)


def test_footage_becomes_a_tracked_recording(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    toy = Toy(tmp_path)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data/raw").mkdir(parents=True)
    params = (tmp_path / "params.yaml").read_text()
    film(INBOX / "anna/one.mp4", 10)
    assert take_in("anna") == Path("data/raw/anna")
    assert [path.name for path in sorted(Path("data/raw/anna").iterdir())] == ["one.mp4"]
    first = Path("data/raw/anna.dvc").read_text()

    film(INBOX / "anna/two.mp4", 90)
    take_in("anna")
    assert [path.name for path in sorted(Path("data/raw/anna").iterdir())] == ["one.mp4", "two.mp4"]
    second = Path("data/raw/anna.dvc").read_text()
    assert second != first and "nfiles: 2" in second
    assert "up to date" in toy.dvc("status", "data/raw/anna.dvc")

    monkeypatch.setattr("pipelines.serve.tracked", None)  # nothing new: nothing is copied or tracked
    take_in("anna")
    assert (tmp_path / "params.yaml").read_text() == params


@pytest.mark.parametrize(
    ("name", "file", "message"),
    [
        ("demo", "one.mp4", "synthetic speaker"),
        ("a b", "one.mp4", "letters, digits"),
        ("anna", "notes.txt", "no video"),
        ("anna", "one.mp4", "one.mp4"),
    ],
)
def test_unusable_footage_adds_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, file: str, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (INBOX / name).mkdir(parents=True)
    (INBOX / name / file).write_text("neither video nor sound")
    with pytest.raises(UserError, match=message) as caught:
        take_in(name)
    assert "\n" not in str(caught.value)
    assert not Path("data/raw").exists()
