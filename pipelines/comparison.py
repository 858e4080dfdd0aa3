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
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq
from ruamel.yaml import YAML

from difftalker.errors import UserError
from difftalker.files import replacing
from pipelines.git import git
from pipelines.snapshot import METRICS, Snapshot, lookup

# What a face learns to take in: one cannot be run on crops or sound features made in another way.
INPUT = ("video", "frames", "audio", "detector.name")
DATASET = "data/processed/dataset.parquet"
MAKING = ("synthesise", "make_films")  # stages that run a face
MEASURING = (*MAKING, "evaluate")  # in order

Run = Callable[[Sequence[str], Path], None]  # a command and its working directory; raises UserError if it fails


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


def changed_inputs(champion: Snapshot, params: Mapping[str, Any]) -> list[str]:
    """Keys of `INPUT` whose values differ: then the two faces cannot be measured alike."""
    return [key for key in INPUT if lookup(champion.params, key) != lookup(params, key)]


def differences(champion: Snapshot, candidate: Snapshot) -> list[str]:
    """What differs between two revisions of all that figures depend on, but for the models themselves."""
    found = []
    skipped = champion.model_hashes().keys() | {path for stage in MAKING for path in champion.outputs(stage)}
    for stage in MEASURING:
        before, after = (
            {path: value for path, value in revision.dependencies(stage).items() if path not in skipped}
            for revision in (champion, candidate)
        )
        found += [path for path in sorted(before.keys() | after.keys()) if before.get(path) != after.get(path)]
    before, after = (
        {**rev.stage_params("make_films"), **rev.stage_params("evaluate")} for rev in (champion, candidate)
    )
    found += [f"params.yaml: {key}" for key in sorted(before | after) if before.get(key) != after.get(key)]
    return list(dict.fromkeys(found))


def measure_champion(root: Path, champion: Snapshot, candidate: Snapshot, run: Run) -> Measured:
    """The champion's figures on the candidate's test split.

    Args:
        root: the project's folder; its workspace is neither read nor changed.
        champion, candidate: both with a run's results.
        run: runs a command, as `dvc repro`.

    Raises:
        UserError: the champion's models are not in the cache, or a stage fails with them.
    """
    changed = differences(champion, candidate)
    if not changed:
        assert champion.metrics is not None
        return Measured(champion.metrics, (), 0)
    with _clone(root, candidate.revision) as clone:
        _dvc(run, clone, "checkout", "--force", "--quiet", "--allow-missing")
        test = _frames(clone / DATASET, "test")
        seen = test & _checkout(run, clone, champion, [*champion.model_hashes(), DATASET])
        git(clone, "checkout", "--quiet", candidate.revision, "--", "dvc.lock")
        _dvc(run, clone, "checkout", "--force", "--quiet", DATASET)
        _set_params(clone / "params.yaml", _own_params(champion, candidate))
        for stage in MEASURING:
            _dvc(run, clone, "repro", "--single-item", stage)
        metrics = json.loads((clone / METRICS).read_text(encoding="utf-8"))
    return Measured(metrics, tuple(changed), len(seen))


def require_models(root: Path, champion: Snapshot) -> None:
    """Check that the champion's models can be had, before hours of training.

    Raises:
        UserError: they are not in the cache.
    """
    cache = cache_folder(root)
    for path, found in champion.model_hashes().items():
        if not (cache / "files/md5" / found[:2] / found[2:]).exists():
            raise UserError(
                f"{path} of the champion ({champion.revision[:7]}) is not in DVC's cache, so nothing can be compared "
                "with it; run `dvc pull --all-tags`, or `dvc repro` and commit dvc.lock"
            )


def cache_folder(root: Path) -> Path:
    """DVC's local cache."""
    from dvc.repo import Repo

    with Repo(str(root)) as repo:
        return Path(repo.cache.local_cache_dir)


def _own_params(champion: Snapshot, candidate: Snapshot) -> dict[str, Any]:
    """What belongs to the champion beside its models: params that synthesis reads and measuring does not."""
    shared = candidate.stage_params("evaluate")
    return {key: value for key, value in champion.stage_params("synthesise").items() if key not in shared}


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
            file.write(f"[cache]\n    dir = {cache_folder(root)}\n")
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _checkout(run: Run, clone: Path, champion: Snapshot, paths: Sequence[str]) -> set[tuple[Any, ...]]:
    """Put files of the champion into the clone. Returns the frames that it was trained on."""
    git(clone, "checkout", "--quiet", champion.revision, "--", "dvc.lock")
    _dvc(run, clone, "checkout", "--force", "--quiet", *paths)
    return _frames(clone / DATASET, "train")


def _frames(dataset: Path, split: str) -> set[tuple[Any, ...]]:
    """Recording, clip and frame number of every frame of a split."""
    table = pq.read_table(dataset, columns=["recording", "clip", "frame", "split"])
    table = table.filter(pc.equal(table["split"], split))
    return set(zip(*(table[name].to_pylist() for name in ("recording", "clip", "frame")), strict=True))


def _set_params(path: Path, values: Mapping[str, Any]) -> None:
    yaml = YAML()
    document = yaml.load(path.read_text(encoding="utf-8"))
    for key, value in values.items():
        *groups, last = key.split(".")
        target = document
        for group in groups:
            target = target[group]
        target[last] = value
    with replacing(path) as partial, partial.open("w", encoding="utf-8") as file:
        yaml.dump(document, file)


def _dvc(run: Run, folder: Path, *arguments: str) -> None:
    run(["dvc", "--wait-for-lock", *arguments], folder)
