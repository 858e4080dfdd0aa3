"""Sync experts on disk: one loader for the trained and for the published one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from difftalker.model_folder import load_weights
from difftalker.sync.network import SyncNet
from difftalker.sync.official import OfficialSyncNet

EXPERT_CLASSES = {"trained": SyncNet, "official": OfficialSyncNet}


def load_sync_expert(folder: Path) -> SyncNet | OfficialSyncNet:
    """Read the model that the stage `build_syncnet` left, in eval mode.

    Args:
        folder: `config.json`, whose `expert` names the class (`trained` where it is missing), and `model.safetensors`.

    Raises:
        UserError: a file is missing, damaged or does not fit.
    """

    def build(config: dict[str, Any]) -> SyncNet | OfficialSyncNet:
        return EXPERT_CLASSES[config.pop("expert", "trained")](**config)

    return load_weights(folder, build).eval()
