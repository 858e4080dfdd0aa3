"""Consent on record: who agreed to what, and until when."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from difftalker.config.yaml_text import parse_yaml
from difftalker.errors import UserError
from difftalker.files import replacing

EMPTY_CONSENT_FORM = """\
# Consent to a talking face. Fill in every line; it stays with the recording and is sent nowhere.
person:     # who is shown and agreed
given:      # the day, as 2026-11-20
use:        # what was agreed to: what the face may say, and where it may be shown
until:      # the last day, as 2027-12-31, or never
document:   # optional: the file of a signed statement, beside this form
"""
EXPORTED_CONSENT = "consent.json"  # in an exported face

_STATEMENT = "consent.yaml"
_NEVER = "never"
_DEMO = "demo"  # a synthetic speaker


@dataclass(frozen=True)
class Consent:
    """What is on record of one person's consent.

    Attributes:
        person: who agreed.
        given: on which day.
        use: to what.
        until: the last day; None without an end.
        document: SHA-256 of the signed statement, where there is one.
        sha256: of the statement as it is stored.
    """

    person: str
    given: date
    use: str
    until: date | None
    document: str | None
    sha256: str

    def ended(self, today: date) -> bool:
        """Whether the last day is over."""
        return self.until is not None and today > self.until

    @property
    def period(self) -> str:
        """From when to when."""
        return f"from {self.given} " + (f"until {self.until}" if self.until is not None else "without an end")


def consent_folder(recording: Path) -> Path:
    """Where the consent to a recording's use lies: beside its folder, so that renewing it trains nothing again."""
    return recording.with_name(f"{recording.name}.consent")


def read_consent_form(path: Path) -> Consent:
    """Read a filled form. Where there is no such file, an empty form is written.

    Raises:
        UserError: it is not there, or not filled in.
    """
    if not path.exists() and path.suffix in (".yaml", ".yml"):
        path.write_text(EMPTY_CONSENT_FORM, encoding="utf-8")
        raise UserError(f"{path}: was not there and is an empty form now; fill it in and repeat the command")
    return _parse(path)[0]


@contextmanager
def store_consent(form: Path, recording: Path) -> Iterator[Path]:
    """Store a form and its document beside a recording for as long as the body succeeds.

    Yields:
        The folder.

    Raises:
        UserError: as `read_consent_form`, or the document is not there.
    """
    _, stored, document = _parse(form)
    folder = consent_folder(recording)
    with TemporaryDirectory(prefix="difftalker-") as temporary:
        before = Path(temporary) / folder.name
        if folder.exists():
            shutil.copytree(folder, before)
        with replacing(folder) as partial:
            partial.mkdir()
            (partial / _STATEMENT).write_text(yaml.safe_dump(stored, sort_keys=False), encoding="utf-8")
            if document is not None:
                shutil.copyfile(document, partial / document.name)
        try:
            yield folder
        except BaseException:
            shutil.rmtree(folder)
            if before.exists():
                shutil.copytree(before, folder)
            raise


def read_recorded_consent(recording: Path) -> Consent | None:
    """The consent on record for a recording; None if there is none.

    Raises:
        UserError: it is damaged.
    """
    path = consent_folder(recording) / _STATEMENT
    return _parse(path)[0] if path.is_file() else None


def recorded_consents(raw: Path, names: Sequence[str]) -> tuple[Consent, ...] | None:
    """The consents to the use of some recordings; None where one of them has none. The demo speaker needs none."""
    found = [read_recorded_consent(raw / name) for name in names if name != _DEMO]
    return None if None in found else tuple(consent for consent in found if consent is not None)


def write_exported_consent(folder: Path, consents: Sequence[Consent]) -> None:
    """Write what is on record into an exported face; the signed statements stay where they are."""
    entries = [asdict(consent) for consent in consents]
    text = json.dumps(entries, indent=1, default=date.isoformat)
    (folder / EXPORTED_CONSENT).write_text(text + "\n", encoding="utf-8")


def read_exported_consent(folder: Path) -> tuple[Consent, ...] | None:
    """What an exported face has on record; None if nothing.

    Raises:
        UserError: the file is damaged.
    """
    path = folder / EXPORTED_CONSENT
    if not path.is_file():
        return None
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
        return tuple(
            Consent(**entry | {key: entry[key] and date.fromisoformat(entry[key]) for key in ("given", "until")})
            for entry in entries
        )
    except (ValueError, TypeError, KeyError):
        raise UserError(f"{path}: is damaged; export the face again") from None


def consent_reminders(name: str, consents: Sequence[Consent] | None, today: date) -> list[str]:
    """What a user of a face should know of the consent, one line each.

    Args:
        name: of the face.
        consents: on record; None where one is missing.
        today: the day.
    """
    if consents is None:
        return [
            f"no consent of the person shown is on record for the face {name}; `difftalker add --name RECORDING "
            "--consent FILE` records it"
        ]
    return [
        f"the consent of {consent.person} to the face {name} ended on {consent.until}; ask again before you show this"
        for consent in consents
        if consent.ended(today)
    ]


def _parse(path: Path) -> tuple[Consent, dict[str, Any], Path | None]:
    """A form or a stored statement: what it says, the statement to store, and the document."""
    try:
        data = path.read_bytes()
        form = parse_yaml(data.decode("utf-8"))
    except OSError as error:
        reason = "no such file" if isinstance(error, FileNotFoundError) else str(error.strerror).lower()
        raise UserError(f"{path}: {reason}; check the name") from None
    except (yaml.YAMLError, UnicodeDecodeError, ValueError):
        form = None
    if not isinstance(form, dict) or not {"person", "given", "use", "until"} <= set(form):
        raise UserError(
            f"{path}: is no form of consent; name a .yaml file that is not there and an empty one is written"
        )
    for key in ("person", "use"):
        if not isinstance(form[key], str) or not form[key].strip():
            raise UserError(f"{path}: key {key}: is not filled in")
    given, until = _day(path, "given", form["given"]), _last_day(path, form["until"])
    if until is not None and until < given:
        raise UserError(f"{path}: key until: {until} is before the consent was given, {given}")
    stored: dict[str, Any] = {"person": form["person"], "given": given, "use": form["use"], "until": until or _NEVER}
    document = path.parent / str(form["document"]) if form.get("document") else None
    hashed = None
    if document is not None:
        if not document.is_file():
            raise UserError(f"{path}: key document: {document} is not there")
        hashed = hashlib.sha256(document.read_bytes()).hexdigest()
        stored |= {"document": document.name, "sha256": hashed}
    text = yaml.safe_dump(stored, sort_keys=False)
    digest = hashlib.sha256(text.encode()).hexdigest()
    return Consent(form["person"], given, form["use"], until, hashed, digest), stored, document


def _last_day(path: Path, value: object) -> date | None:
    return None if value == _NEVER else _day(path, "until", value, f", or {_NEVER}")


def _day(path: Path, key: str, value: object, more: str = "") -> date:
    if type(value) is not date:
        raise UserError(f"{path}: key {key}: give a day as 2027-12-31{more}")
    return value
