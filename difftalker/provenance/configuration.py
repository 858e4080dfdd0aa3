"""The folder of the user's own settings."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

CONFIG_VARIABLE = "DIFFTALKER_CONFIG"


def configuration_folder() -> Path:
    """The folder of DIFFTALKER_CONFIG, else the user's configuration folder. It need not exist."""
    if named := os.environ.get(CONFIG_VARIABLE):
        return Path(named).expanduser()
    return Path(platformdirs.user_config_dir("difftalker", appauthor=False))
