"""`difftalker export`: a trained face as one portable folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from difftalker.cli.driving import NoSignOption, SignCertOption, SignKeyOption
from difftalker.errors import UserError
from difftalker.project import DATASET, METRICS, MODELS, base_footage, consent_of, describe_face

if TYPE_CHECKING:
    from difftalker.export import ModelCard


def export(
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder to write.")],
    face: Annotated[Path, typer.Argument(metavar="FACE", help="This project's models.")] = MODELS,
    name: Annotated[str | None, typer.Option(help="What to call the face; by default, the recording's name.")] = None,
    licence: Annotated[
        str | None, typer.Option(help="Under which the face may be used, for its card; by default, not stated.")
    ] = None,
    footage: Annotated[bool, typer.Option(help="Put the base footage in.")] = True,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an existing folder.")] = False,
    push: Annotated[
        str | None, typer.Option("--push-to-hub", metavar="USER/NAME", help="Upload to the Hugging Face hub.")
    ] = None,
    sign_key: SignKeyOption = None,
    sign_cert: SignCertOption = None,
    no_sign: NoSignOption = False,
) -> None:
    """Pack a trained face, with a model card, so that it works on another machine without this project's data."""
    if output.exists() and not overwrite:
        raise UserError(f"{output}: exists; choose another name or give --overwrite")
    if output.exists() and Path.cwd().resolve().is_relative_to(output.resolve()):
        raise UserError(f"{output}: holds the project; name a folder of its own")
    from difftalker.dub.output import check_writable, explain_full_disk

    check_writable(output)
    from difftalker.export import MODEL_CARD, export_face, push_to_hub
    from difftalker.provenance.signing_key import Signing

    described = describe_face(face)
    if (face / MODEL_CARD).exists():
        raise UserError(f"{face}: is an exported face already; copy the folder")
    film = base_footage(face) if footage else None
    signing = Signing(no_sign, sign_key, sign_cert)
    with explain_full_disk(output, resumable=False):
        digest = export_face(face, _card(licence, face), output, film, name, signing)
    print(f"{output}: face {name or described.name}, sha256 {digest}")
    if film is not None:
        print(f"{output}/footage: {film.name}, which shows the person; --no-footage leaves it out")
    else:
        print(f"{output}: without footage; name a film of the person with --video when it speaks")
    if push is not None:
        print(push_to_hub(output, push))


def _card(licence: str | None, face: Path) -> ModelCard:
    import numpy as np

    from difftalker.dataset.frames import Dataset
    from difftalker.export import ModelCard

    dataset = Dataset.load(DATASET)
    used = np.isin(dataset.split, ("train", "test"))
    recordings = {
        name: (len(set(dataset.clip[inside])), float(inside.sum()) / dataset.fps)
        for name in dict.fromkeys(dataset.recording.tolist())
        if (inside := used & (dataset.recording == name)).any()
    }
    metrics = json.loads(METRICS.read_text(encoding="utf-8")) if METRICS.is_file() else {}
    return ModelCard(recordings, metrics, licence or ModelCard.licence, consent_of(face))
