"""Stable Diffusion 1.5 out of the cache of weights: verified, then imported, the hub never asked."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.stable_diffusion import SIZE
from difftalker.errors import UserError
from difftalker.painting.diffusion import stable_diffusion
from difftalker.painting.diffusion.stable_diffusion import import_prior
from difftalker.weights import table
from difftalker.weights.store import WEIGHTS_VARIABLE, import_weight
from difftalker.weights.table import SD15, SD15_REVISION, WEIGHTS, WeightFile
from tests.painting.tiny_diffusion import write_model
from tests.weights.serving import sha256


def test_import_from_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("transformers")
    published = [file.path for file in WEIGHTS["sd15"].files]
    folder = write_model(tmp_path / "snapshot", variant="fp16")
    written = [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]
    assert set(published) - set(written) <= {"tokenizer/special_tokens_map.json"}  # all that the import reads
    files = tuple(WeightFile(path, None, sha256((folder / path).read_bytes())) for path in published if path in written)
    monkeypatch.setitem(table.WEIGHTS, "sd15", replace(WEIGHTS["sd15"], files=files))
    monkeypatch.setenv(WEIGHTS_VARIABLE, str(tmp_path / "cache"))
    monkeypatch.setattr(stable_diffusion, "snapshot_download", None)
    place = import_weight(table.WEIGHTS["sd15"], folder)
    prior = import_prior(SD15, SD15_REVISION, SIZE)
    assert prior.scheduler.config.prediction_type == "epsilon"
    (place / files[0].path).write_bytes(b"")
    with pytest.raises(UserError, match=r"weights 'sd15': .* it is damaged, or another one"):
        import_prior(SD15, SD15_REVISION, SIZE)
