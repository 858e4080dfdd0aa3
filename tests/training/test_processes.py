"""Several processes train as one does: over gloo on the CPU, as over NCCL on GPUs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from difftalker.training.processes import Processes, usable_gpus
from tests.training import toy_processes

ROOT = Path(__file__).parents[2]


def run(out: Path, count: int, fault: str = "") -> subprocess.CompletedProcess[str]:
    """Passes of four items, two to a step."""
    command = [sys.executable, "-m", "tests.training.toy_processes", str(out), str(count), "4", "2", fault]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    return subprocess.run(command, capture_output=True, text=True, env=environment)


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> dict[str, torch.Tensor]:
    """The result of one process that runs both passes."""
    out = tmp_path_factory.mktemp("alone") / "model.safetensors"
    toy_processes.main(out, 1, 4, 2)
    return load_file(out)


def close(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.allclose(one[name], other[name], atol=1e-6) for name in one)


def test_two_processes_give_the_result_of_one_and_stop_together(alone: dict[str, torch.Tensor], tmp_path: Path) -> None:
    """A whole training, then one that SIGTERM to the first process interrupts in step 8; one process goes on."""
    out = tmp_path / "model.safetensors"
    process = run(out, 2, "interrupt")
    assert close(load_file(out), alone), process.stderr
    assert process.returncode == 130 and "Traceback" not in process.stderr
    assert not out.with_suffix(".end").exists()
    assert torch.load(out.with_suffix(".pt"), weights_only=True)["step"] == 8
    out.unlink()
    toy_processes.main(out, 1, 4, 2)
    assert close(load_file(out), alone)
    assert {path.suffix for path in tmp_path.iterdir()} == {".safetensors", ".end"}, "the checkpoint is gone"


def test_a_helper_s_error_is_the_command_s(tmp_path: Path) -> None:
    out = tmp_path / "model.safetensors"
    process = run(out, 2, "helper")
    lines = [line for line in process.stderr.splitlines() if not line.startswith("face: step")]
    assert process.returncode == 1
    assert lines == ["error: process 1 of the training failed: the helper's own mistake"]
    assert torch.load(out.with_suffix(".pt"), weights_only=True)["step"] == 5, "the last checkpoint is intact"


def test_passes_are_shared_without_remainder() -> None:
    assert [list(Processes(rank, 2).passes(4)) for rank in (0, 1)] == [[0, 2], [1, 3]]
    assert list(Processes().passes(3)) == [0, 1, 2]


@pytest.mark.parametrize(
    ("present", "accumulate", "used"), [(1, 1, 1), (4, 4, 4), (4, 8, 4), (4, 6, 3), (2, 1, 1), (8, 4, 4), (2, 3, 1)]
)
def test_as_many_gpus_are_used_as_share_evenly(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], present: int, accumulate: int, used: int
) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: present)
    assert usable_gpus(accumulate, torch.device("cuda")) == used
    assert ("accumulate" in capsys.readouterr().err) == (used < present)
    assert usable_gpus(accumulate, torch.device("cpu")) == 1
