"""Candidate against champion on one and the same test split.

What a model's figures depend on besides the model: dataset, frames, sync expert, detector, the code that synthesises
and measures. `dvc.lock` records all of it. If it is equal in both revisions, the champion's recorded metrics stand. If
not, as after new footage, the champion's models are run and measured again on the candidate's test split, by the very
stages of `dvc.yaml`, in a temporary clone that shares the cache. DVC's run cache answers the same question at once next
time.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from difftalker.config import lookup
from difftalker.errors import UserError
from difftalker.project import DATASET, METRICS, PARAMS, layout_yaml
from pipelines.graph import local_cache
from pipelines.revision import Snapshot, git
from pipelines.runtime import run_dvc

# What a face learns to take in: one cannot be run on crops or sound features made in another way.
INPUT = ("video", "frames", "audio", "detector.name")
MAKING = ("synthesise", "make_films")  # stages that run a face
MEASURING = (*MAKING, "evaluate")  # in order


@dataclass(frozen=True)
class Measured:
    """The champion's figures for a comparison.

    Attributes:
        metrics: metrics.json, on the candidate's test split.
        differences: what made a new measurement necessary; empty if the recorded figures stand.
        seen: test frames that the champion was trained on, which flatters it.
    """

    metrics: Mapping[str, Any]
    differences: tuple[str, ...]
    seen: int


def differences(champion: Snapshot, candidate: Snapshot) -> list[str]:
    """What differs between two revisions of all that figures depend on, but for the models themselves."""
    skipped = champion.model_hashes().keys() | {path for stage in MAKING for path in champion.hashes(stage, "outs")}

    def basis(revision: Snapshot) -> dict[tuple[str, str], Any]:
        hashes = {(s, path): found for s in MEASURING for path, found in sorted(revision.hashes(s, "deps").items())}
        params = {**revision.stage_params("make_films"), **revision.stage_params("evaluate")}
        found = {("params", f"params.yaml: {key}"): value for key, value in sorted(params.items())}
        return {key: value for key, value in hashes.items() if key[1] not in skipped} | found

    before, after = basis(champion), basis(candidate)
    changed = (key for key in {**before, **after} if before.get(key) != after.get(key))
    return list(dict.fromkeys(name for _, name in changed))


def measure_champion(root: Path, champion: Snapshot, candidate: Snapshot, device: int) -> Measured:
    """The champion's figures on the candidate's test split; the project's workspace is neither read nor changed.

    `device` is the open lock of the compute device. Raises `UserError` if the champion's models are not in the cache,
    or a stage fails with them.
    """
    changed = differences(champion, candidate)
    if not changed:
        assert champion.metrics is not None
        return Measured(champion.metrics, (), 0)
    with _clone(root, candidate.revision) as clone:

        def dvc(*arguments: str) -> None:
            run_dvc(clone, *arguments, holding=[device])

        dvc("checkout", "--force", "--quiet", "--allow-missing")
        test = _frames(clone, "test")
        git(clone, "checkout", "--quiet", champion.revision, "--", "dvc.lock")
        dvc("checkout", "--force", "--quiet", *champion.model_hashes(), str(DATASET))
        seen = test & _frames(clone, "train")
        git(clone, "checkout", "--quiet", candidate.revision, "--", "dvc.lock")
        dvc("checkout", "--force", "--quiet", str(DATASET))
        _set_own_params(clone / PARAMS, champion, candidate)
        for stage in MEASURING:
            dvc("repro", "--single-item", stage)
        metrics = json.loads((clone / METRICS).read_text(encoding="utf-8"))
    return Measured(metrics, tuple(changed), len(seen))


def require_comparable(root: Path, champion: Snapshot, params: Mapping[str, Any]) -> None:
    """Check before hours of training that a candidate can be compared with the champion; raises `UserError` if not.

    Its crops and sound features have to be made in the same way, and the champion's models have to be in DVC's cache.
    """
    changed = [key for key in INPUT if lookup(champion.params, key) != lookup(params, key)]
    if changed:
        raise UserError(
            f"{', '.join(changed)}: differs from the champion's, so the two cannot be measured alike; train with "
            "`dvc exp run --temp` and promote by `python -m pipelines promote EXPERIMENT` if you find it better"
        )
    cache = local_cache(root)
    for path, found in champion.model_hashes().items():
        if not (cache / "files/md5" / found[:2] / found[2:]).exists():
            raise UserError(
                f"{path} of the champion ({champion.revision[:7]}) is not in DVC's cache, so nothing can be compared "
                "with it; run `dvc pull --all-tags`, or `dvc repro` and commit dvc.lock"
            )


def _set_own_params(path: Path, champion: Snapshot, candidate: Snapshot) -> None:
    """Write what belongs to the champion beside its models: params that synthesis reads and measuring does not."""
    yaml = layout_yaml()
    document = yaml.load(path.read_text(encoding="utf-8"))
    for key in champion.stage_params("synthesise").keys() - candidate.stage_params("evaluate").keys():
        group, _, last = key.rpartition(".")
        (lookup(document, group) if group else document)[last] = champion.stage_params("synthesise")[key]
    with path.open("w", encoding="utf-8") as file:
        yaml.dump(document, file)


@contextmanager
def _clone(root: Path, revision: str) -> Iterator[Path]:
    """A temporary clone at a commit, with DVC's cache and local settings of the project."""
    folder = root / ".dvc/tmp" / f"champion-{revision[:12]}"
    shutil.rmtree(folder, ignore_errors=True)  # of a run that was killed
    try:
        git(root, "clone", "--quiet", "--shared", "--no-checkout", str(root), str(folder))
        git(folder, "checkout", "--quiet", "--detach", revision)
        local = root / ".dvc/config.local"
        if local.exists():
            shutil.copy(local, folder / ".dvc/config.local")
        with (folder / ".dvc/config.local").open("a", encoding="utf-8") as file:
            file.write(f"[cache]\n    dir = {local_cache(root)}\n")
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _frames(project: Path, split: str) -> set[tuple[Any, ...]]:
    """Recording, clip and frame number of every frame of a split of the project's dataset."""
    columns = ["recording", "clip", "frame"]
    table = pq.read_table(project / DATASET, columns=columns, filters=[("split", "=", split)])
    return set(zip(*(table[name].to_pylist() for name in columns), strict=True))
