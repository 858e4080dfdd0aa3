"""A revision of the project, seen through git alone: params.yaml, dvc.lock and metrics.json."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from difftalker.face_folder import FACE_FILES
from pipelines.git import read, resolve

METRICS = "data/results/metrics.json"
ARTIFACT = "face"  # in `artifacts` of dvc.yaml: its path holds the models


@dataclass(frozen=True)
class Snapshot:
    """What a revision records.

    Attributes:
        revision: full hash of the commit.
        params: params.yaml.
        stages: dvc.lock's entries by stage.
        metrics: metrics.json, None if the revision has none.
        models: the folder of the artifact `face`.
    """

    revision: str
    params: Mapping[str, Any]
    stages: Mapping[str, Mapping[str, Any]]
    metrics: Mapping[str, Any] | None
    models: str

    @classmethod
    def read(cls, root: Path, name: str) -> Snapshot:
        """Read a revision.

        Args:
            root: the project's folder.
            name: anything that git resolves to a commit.

        Raises:
            UserError: no such commit.
        """
        revision = resolve(root, name)

        def document(path: str) -> dict[str, Any]:
            return yaml.safe_load(read(root, revision, path) or "") or {}

        metrics = read(root, revision, METRICS)
        artifacts = document("dvc.yaml").get("artifacts", {})
        return cls(
            revision=revision,
            params=document("params.yaml"),
            stages=document("dvc.lock").get("stages", {}),
            metrics=None if metrics is None else json.loads(metrics),
            models=artifacts.get(ARTIFACT, {}).get("path", "data/models"),
        )

    @property
    def trained(self) -> bool:
        """Whether the revision has a measured model."""
        return self.metrics is not None and {"synthesise", "make_films", "evaluate"} <= self.stages.keys()

    def model_hashes(self) -> dict[str, str]:
        """Path and hash of each part of the face that a run left. The sync expert, an instrument, is none."""
        parts = {f"{self.models}/{part}" for part in FACE_FILES}
        outputs = (self.outputs(stage) for stage in self.stages)
        return dict(sorted((path, found) for paths in outputs for path, found in paths.items() if path in parts))

    def dependencies(self, stage: str) -> dict[str, str]:
        """Path and hash of each dependency of a stage."""
        return _hashes(self.stages.get(stage, {}).get("deps", []))

    def outputs(self, stage: str) -> dict[str, str]:
        """Path and hash of each output of a stage."""
        return _hashes(self.stages.get(stage, {}).get("outs", []))

    def stage_params(self, stage: str) -> dict[str, Any]:
        """The params that a stage read, by their keys."""
        return dict(self.stages.get(stage, {}).get("params", {}).get("params.yaml", {}))


def lookup(params: Mapping[str, Any], key: str) -> Any:
    """The value of a dotted key; None if there is none."""
    value: Any = params
    for part in key.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def flatten(params: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Dotted keys and their values."""
    found: dict[str, Any] = {}
    for key, value in params.items():
        name = f"{prefix}{key}"
        found |= flatten(value, f"{name}.") if isinstance(value, Mapping) else {name: value}
    return found


def _hashes(entries: list[Mapping[str, Any]]) -> dict[str, str]:
    return {entry["path"]: str(entry.get(entry.get("hash", "md5"))) for entry in entries}
