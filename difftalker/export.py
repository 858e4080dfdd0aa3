"""A face packed into one portable folder, with a model card; and that folder on the Hugging Face hub."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from difftalker.errors import UserError
from difftalker.face_folder import (
    DESCRIPTION,
    FACE_TRACK,
    FOOTAGE,
    Description,
    face_hash,
    network_files,
    read_description,
    write_description,
)
from difftalker.files import check_room, replacing
from difftalker.provenance.consent import Consent, write_exported_consent
from difftalker.provenance.face_signature import sign_face
from difftalker.provenance.signing_key import Signing, signing_key

MODEL_CARD = "README.md"
_SHOWN = {  # of the films in metrics.json: kind and key -> name and digits after the point
    ("own", "ld"): ("LD, landmark distance (crop sides)", 4),
    ("own", "psnr_jaw"): ("PSNR inside the jaw (dB)", 1),
    ("own", "ssim_jaw"): ("SSIM inside the jaw", 3),
    ("own", "sharpness_ratio"): ("sharpness of the mouth over the footage's", 2),
    ("own", "flicker_ratio"): ("flicker over the footage's", 2),
    ("driven", "opening_r"): ("opening of the mouth, correlation with the speaker's", 2),
    ("driven", "opening_slope"): ("opening of the mouth, slope over the speaker's", 2),
    ("driven", "closure"): ("share of the speaker's closures at which it closes", 2),
    ("driven", "lse_d"): ("LSE-D", 2),
    ("driven", "lse_c"): ("LSE-C", 2),
}


@dataclass(frozen=True)
class ModelCard:
    """What the model card says beyond the description.

    Attributes:
        recordings: name -> (clips, seconds of usable footage) that the face was trained and tested on.
        metrics: figures on the test split, as in `metrics.json`.
        licence: under which the model may be used.
        consent: on record for the recordings; None where it is missing.
    """

    recordings: Mapping[str, tuple[int, float]] = field(default_factory=dict)
    metrics: Mapping[str, object] = field(default_factory=dict)
    licence: str = "Not stated: ask the person shown before any use"
    consent: Sequence[Consent] | None = None


def export_face(
    models: Path,
    card: ModelCard,
    out: Path,
    footage: Path | None = None,
    name: str | None = None,
    signing: Signing | None = None,
) -> str:
    """Copy a trained face into a portable folder, signed, which is whole or absent.

    Args:
        models: the face: `data/models` of a project.
        card: for the model card.
        out: folder to write.
        footage: the base footage to put in, with what `models` knows of it; None leaves both out.
        name: what to call the face; None keeps its name.
        signing: with what it is signed; by default with the user's own key.

    Returns:
        The face's SHA-256.

    Raises:
        UserError: the face is incomplete or damaged, cannot be signed, or the disk has no room for it.
    """
    signing = signing or Signing()
    key = None if signing.off else signing_key(signing)
    face, description = face_hash(models), read_description(models)
    copied = {path: path.relative_to(models) for path in (*network_files(models), models / DESCRIPTION)}
    if footage is not None and description.footage is not None:
        copied[footage] = Path(FOOTAGE, description.footage)
        if (models / FOOTAGE / FACE_TRACK).is_file():
            copied[models / FOOTAGE / FACE_TRACK] = Path(FOOTAGE, FACE_TRACK)
    check_room(out, sum(path.stat().st_size for path in copied))
    with replacing(out) as partial:
        for path, target in copied.items():
            (partial / target).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, partial / target)
        if name is not None:
            description = replace(description, name=name)
            write_description(partial, description)
        text = model_card(description, card, face, footage is not None)
        (partial / MODEL_CARD).write_text(text, encoding="utf-8")
        if card.consent is not None:
            write_exported_consent(partial, card.consent)
        if key is not None:
            sign_face(partial, face, key)
    return face


def model_card(description: Description, card: ModelCard, face: str, has_footage: bool) -> str:
    """The model card: Markdown with the front matter that the Hugging Face hub reads."""
    data = "\n".join(
        f"- `{name}`: {clips} clip{'s' * (clips > 1)}, {seconds:.0f} s with a usable face"
        for name, (clips, seconds) in card.recordings.items()
    )
    films = card.metrics.get("film", {})
    rows = [
        f"| {title} | {value:.{digits}f} |"
        for (kind, key), (title, digits) in _SHOWN.items()
        if isinstance(films, dict) and isinstance(value := films.get(kind, {}).get(key), int | float)
    ]
    figures = "\n".join(["| metric | value |", "|---|---|", *rows]) if rows else "None were taken along."
    protocol = card.metrics.get("protocol")
    taken = protocol.items() if isinstance(protocol, dict) else ()
    taken_with = "".join(f"- {key.replace('_', ' ')}: {text}\n" for key, text in taken) + "\n" * bool(taken)
    detector = {
        "mesh": "MediaPipe's attention mesh, which ships with the program (Apache-2.0).",
        "fan": "the published weights of FAN, which are not in this folder, were trained on data for research.",
    }[description.detector.name]
    consent = "\n".join(
        f"- {entry.person}, {entry.period}: {entry.use.rstrip('.')}. Statement: sha256 {entry.sha256}"
        for entry in card.consent or ()
    )
    consent = consent or "None is on record. Ask the person shown before any use."
    footage = (
        f"`footage/{description.footage}` is the film that the face speaks in by default: it shows the person."
        if has_footage
        else "The folder holds no footage: give a base video when driving the face."
    )
    return f"""---
library_name: difftalker
license: other
license_name: see-card
tags: [talking-face, video, synthetic-media]
---

# {description.name}: a talking face

A face of **one person** for DiffTalker, made with version {description.version} and read by this and newer ones. Given
speech and a film of this person, it paints the lower face so that it says the speech.

    from difftalker import TalkingFace

    TalkingFace.load("path/to/this/folder").dub(audio="speech.wav", output="talk.mp4")

or `difftalker dub --face path/to/this/folder --audio speech.wav -o talk.mp4`. SHA-256 of the networks, also in the
metadata of every film made with it: `{face}`.

## Data

{data or "Not recorded."}

Crops of {description.size} pixels at {description.fps:g} frames/s; landmarks by `{description.detector.name}`,
audio features `{description.audio.encoder}`.

{footage}

## Figures on the held-out part of that footage

{figures}

{taken_with}Measured on films of held-out speech; opening, closure and LSE on films over other pictures. They are of
this footage, crop rule, detector and sync expert; do not compare them with figures of others.

## Intended use

Films of this person in the light, camera and hairdo of the footage, with this person's consent to what is said.
Not for: other people; deceiving anybody; removing the marks that say that a film is generated. Turned heads, hands
before the mouth and other light do badly; such frames show the source unchanged.

## Consent

{consent}

## Licence

{card.licence.rstrip(".")}.

Rights in the footage, and the rights of the person shown, remain theirs. The face needs a landmark detector:
{detector}
"""


def push_to_hub(folder: Path, repository: str) -> str:
    """Upload an exported face to the Hugging Face hub, into a private repository if it is new.

    Returns:
        The address.

    Raises:
        UserError: the hub cannot be reached, or refuses.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalTokenNotFoundError

    try:
        api = HfApi()
        api.create_repo(repository, private=True, exist_ok=True)
        done = api.upload_folder(repo_id=repository, folder_path=folder, commit_message="Upload face")
    except HFValidationError as error:
        raise UserError(f"--push-to-hub {repository}: {str(error).splitlines()[0]}") from None
    except LocalTokenNotFoundError:
        raise UserError(
            f"--push-to-hub {repository}: not logged in; run `hf auth login`. {folder} is complete"
        ) from None
    except HfHubHTTPError as error:
        reason = str(error).strip().splitlines()[0]
        raise UserError(f"--push-to-hub {repository}: the hub refuses ({reason}). {folder} is complete") from None
    except Exception as error:  # whatever the HTTP library in use raises when there is no way to the hub
        if not isinstance(error, OSError) and "httpx" not in type(error).__module__:
            raise
        raise UserError(
            f"--push-to-hub {repository}: the hub cannot be reached ({type(error).__name__}); check the network and "
            f"repeat. {folder} is complete"
        ) from None
    return str(done.commit_url)
