from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from difftalker.dataset.inbox import Arrival
from pipelines import serve
from pipelines.reproduce import reproduce
from pipelines.retrain import retrain
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
