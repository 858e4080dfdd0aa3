"""The project around commands and flows: where things lie in it, its DVC and its params.yaml.

Stages are told all paths by `dvc.yaml`; what else works on a project asks here. What takes long to import is imported
where it is needed: commands read the places before they check their options.
"""

from __future__ import annotations

import subprocess
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from difftalker.errors import UserError
from difftalker.files import replacing

if TYPE_CHECKING:
    from ruamel.yaml import YAML

    from difftalker.face_folder import Description
    from difftalker.provenance.consent import Consent
    from difftalker.talking_face import TalkingFace

INBOX = Path("data/inbox")  # git-ignored: footage that arrives
RAW = Path("data/raw")
FRAMES = Path("data/interim/frames")
DATASET = Path("data/processed/dataset.parquet")
MODELS = Path("data/models")
METRICS = Path("data/results/metrics.json")
PARAMS = Path("params.yaml")


def require_project() -> None:
    """Check that the working directory is a project.

    Raises:
        UserError: it is not, or its params.yaml is wrong.
    """
    if not Path("dvc.yaml").is_file():
        raise UserError(f"{Path.cwd()}: no dvc.yaml here; run the command in the project's folder")
    from difftalker.config import load_params

    load_params(PARAMS)


def describe_face(folder: Path) -> Description:
    """What a face is, without loading it.

    Args:
        folder: an exported face, or `data/models` of a project.

    Raises:
        UserError: there is none, or it is incomplete.
    """
    from difftalker.face_folder import DESCRIPTION, read_description

    if folder == MODELS and not (folder / DESCRIPTION).exists():
        raise UserError(f"{folder}: no trained face here; run `dvc repro`, or name an exported face with --face")
    return read_description(folder)


def base_footage(folder: Path) -> Path | None:
    """The base footage of a face: in its folder, or a recording of the project whose `data/models` it is; None where
    there is neither.

    Raises:
        UserError: as `describe_face`.
    """
    from difftalker.face_folder import own_footage

    description = describe_face(folder)
    models = folder.resolve()
    if description.footage is not None and models.parts[-len(MODELS.parts) :] == MODELS.parts:
        recorded = models.parents[len(MODELS.parts) - 1] / RAW / description.footage
        return recorded if recorded.is_file() else None
    return own_footage(folder, description)


def load_face(folder: Path) -> TalkingFace:
    """Load an exported face or `data/models` of a project, on the device of params.yaml where there is one.

    Raises:
        UserError: there is none, or it is incomplete.
    """
    from difftalker.config import load_params

    footage = base_footage(folder)
    device = load_params(PARAMS).device if PARAMS.is_file() else "auto"
    from difftalker.provenance.face_signature import FaceChangedWarning
    from difftalker.talking_face import TalkingFace  # takes seconds: whether there is a face at all is known by now

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FaceChangedWarning)  # every film made with it says so
        return TalkingFace.load(folder, footage, device=device, consent=consent_of(folder))


def consent_of(folder: Path) -> tuple[Consent, ...] | None:
    """The consent on record for a face: an exported one's own, else that of the project whose `data/models` it is; None
    where there is none.

    Raises:
        UserError: as `describe_face`, or the record is damaged.
    """
    from difftalker.config import load_params
    from difftalker.provenance.consent import read_exported_consent

    description = describe_face(folder)
    models = folder.resolve()
    if description.footage is None or models.parts[-len(MODELS.parts) :] != MODELS.parts:
        return read_exported_consent(folder)
    root = models.parents[len(MODELS.parts) - 1]
    trained = load_params(root / PARAMS).recordings if (root / PARAMS).is_file() else []
    return consent_of_recordings(trained or [description.footage.split("/")[0]], root)


def consent_of_recordings(names: Sequence[str], root: Path = Path()) -> tuple[Consent, ...] | None:
    """The consents on record for some recordings of a project; None where one has none."""
    from difftalker.provenance.consent import recorded_consents

    return recorded_consents(root / RAW, names)


def set_footage(recordings: Sequence[str], size: int, params: Path = PARAMS) -> None:
    """Write `recordings` and `video.size`; comments and layout of the file stay."""
    yaml = layout_yaml()
    document = yaml.load(params.read_text(encoding="utf-8"))
    document["recordings"][:] = list(recordings)
    document["video"]["size"] = size
    with replacing(params) as partial, partial.open("w", encoding="utf-8") as file:
        yaml.dump(document, file)


def layout_yaml() -> YAML:
    """A reader and writer that keeps comments, quotes and line breaks, for files laid out as this project's are."""
    from ruamel.yaml import YAML

    yaml = YAML()
    yaml.width = 4096
    yaml.preserve_quotes = True
    yaml.indent(mapping=2, sequence=4, offset=2)
    return yaml


@contextmanager
def tracked(folder: Path) -> Iterator[None]:
    """`dvc add` a folder for as long as the body succeeds; if it fails, DVC's small files are what they were.

    Raises:
        UserError: DVC refuses, with its reason.
    """
    files = (folder.with_name(f"{folder.name}.dvc"), folder.parent / ".gitignore")
    before = {path: path.read_bytes() if path.exists() else None for path in files}
    try:
        done = subprocess.run(
            [sys.executable, "-m", "dvc", "add", str(folder)], capture_output=True, text=True, check=False
        )
        if done.returncode:  # with --quiet, DVC would not say why
            said = (done.stderr or done.stdout).splitlines()
            reason = " ".join(line.removeprefix("ERROR: ") for line in said if line.startswith("ERROR: "))
            reason = " ".join((reason or " ".join(said)).split())
            raise UserError(f"{folder}: dvc add failed ({reason}); nothing was added")
        yield
    except BaseException:
        for path, content in before.items():
            if content is None:
                path.unlink(missing_ok=True)
            else:
                path.write_bytes(content)
        raise
