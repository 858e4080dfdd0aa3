"""The GPU benchmark on a tiny network: the script itself works, on any machine."""

from __future__ import annotations

import re

import pytest

from benchmarks.gpu import main

TINY = ["--tiny", "--device", "cpu", "--size", "64", "--batch", "2", "--repeat", "1"]


def test_prints_both_tables(capsys: pytest.CaptureFixture[str]) -> None:
    main([*TINY, "--train-steps", "1", "--accumulate", "2", "--checkpointing", "--sampling", "1", "2"])
    out = capsys.readouterr().out
    trained = re.findall(r"^\| 2 x 2 \| True \| False \| ([\d.]+) \| ([\d.]+) \| ([\d.]+) GiB \|$", out, re.MULTILINE)
    sampled = re.findall(r"^\| 2 \| ([12]) \| ([\d.]+) \| ([\d.]+) GiB \|$", out, re.MULTILINE)
    assert len(trained) == 1 and [steps for steps, *_ in sampled] == ["1", "2"]
    seconds, rate, memory = map(float, trained[0])
    assert rate == pytest.approx(4 / seconds, rel=0.1) and memory > 0
    assert all(float(rate) > 0 for _, rate, _ in sampled)


def test_a_row_that_does_not_fit_says_so(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    def fail(*_: object, **__: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB.")

    monkeypatch.setattr("difftalker.painting.diffusion.network.FaceNetwork.encode_condition", fail)
    main([*TINY, "--train-steps", "1", "--sampling", "1"])
    out = capsys.readouterr().out
    assert out.count("out of memory on the GPU") == 2 and "face.train.batch_size (now 2) to 1" in out
