"""Choice of the device."""

from __future__ import annotations

import pytest
import torch

from difftalker.compute.device import select_device
from difftalker.errors import UserError


def present(monkeypatch: pytest.MonkeyPatch, cuda: bool, mps: bool) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)


@pytest.mark.parametrize(("cuda", "mps", "kind"), [(True, True, "cuda"), (False, True, "mps"), (False, False, "cpu")])
def test_auto_takes_the_fastest_present(monkeypatch: pytest.MonkeyPatch, cuda: bool, mps: bool, kind: str) -> None:
    present(monkeypatch, cuda, mps)
    assert select_device("auto").type == kind
    assert select_device("cpu").type == "cpu"


def test_absent_device_is_a_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    present(monkeypatch, cuda=False, mps=True)
    with pytest.raises(UserError, match=r"device = cuda: .*found: mps, cpu.*device: auto"):
        select_device("cuda")
