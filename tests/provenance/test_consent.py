"""Consent on record: the form, where it is kept, and who is reminded of it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from difftalker.doctor.consent import consent_finding
from difftalker.errors import UserError
from difftalker.provenance.consent import (
    EMPTY_CONSENT_FORM,
    Consent,
    consent_folder,
    consent_reminders,
    read_consent_form,
    read_exported_consent,
    read_recorded_consent,
    recorded_consents,
    store_consent,
    write_exported_consent,
)
from difftalker.talking_face import TalkingFace

FILLED = "person: Anna Example\ngiven: 2026-11-20\nuse: Her lectures, in English.\nuntil: 2027-12-31\n"
TODAY = date(2026, 11, 26)


@pytest.fixture
def form(tmp_path: Path) -> Path:
    path = tmp_path / "consent.yaml"
    path.write_text(FILLED)
    return path


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    (tmp_path / "raw/anna").mkdir(parents=True)
    return tmp_path / "raw/anna"


def test_a_missing_form_is_written_to_be_filled(tmp_path: Path) -> None:
    path = tmp_path / "new.yaml"
    with pytest.raises(UserError, match=r"new.yaml: was not there and is an empty form now; fill it in and repeat"):
        read_consent_form(path)
    assert path.read_text() == EMPTY_CONSENT_FORM
    with pytest.raises(UserError, match="key person: is not filled in"):
        read_consent_form(path)


def test_what_is_stored_is_read_again(form: Path, recording: Path) -> None:
    assert read_recorded_consent(recording) is None
    with store_consent(form, recording) as folder:
        assert folder == consent_folder(recording) == recording.with_name("anna.consent")
    found = read_recorded_consent(recording)
    assert found == read_consent_form(form)
    assert found is not None and found.until == date(2027, 12, 31) and found.document is None
    assert found.sha256 == hashlib.sha256((folder / "consent.yaml").read_bytes()).hexdigest()
    assert found.period == "from 2026-11-20 until 2027-12-31"


def test_a_signed_document_is_stored_and_hashed(form: Path, recording: Path) -> None:
    plain = read_consent_form(form)
    (form.parent / "scans").mkdir()
    (form.parent / "scans/signed.pdf").write_bytes(b"scan")
    form.write_text(FILLED.replace("2027-12-31", "never") + "document: scans/signed.pdf\n")
    with store_consent(form, recording) as folder:
        pass
    found = read_recorded_consent(recording)
    assert found is not None and found.until is None and not found.ended(date(2999, 1, 1))
    assert found.document == hashlib.sha256(b"scan").hexdigest() and found.sha256 != plain.sha256
    assert {path.name for path in folder.iterdir()} == {"consent.yaml", "signed.pdf"}


def test_a_failure_leaves_what_was_on_record(form: Path, recording: Path) -> None:
    def fail() -> None:
        with store_consent(form, recording):
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert read_recorded_consent(recording) is None and not consent_folder(recording).exists()
    with store_consent(form, recording):
        pass
    before = read_recorded_consent(recording)
    form.write_text(FILLED.replace("Anna", "Berta"))
    with pytest.raises(RuntimeError):
        fail()
    assert read_recorded_consent(recording) == before


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda text: "nothing", r"is no form of consent; name a .yaml file that is not there"),
        (lambda text: "a: [", r"is no form of consent"),
        (lambda text: text.replace("until", "unless"), r"is no form of consent"),
        (lambda text: text.replace("Her lectures, in English.", ""), r"key use: is not filled in"),
        (lambda text: text.replace("2026-11-20", "yesterday"), r"key given: give a day as 2027-12-31$"),
        (lambda text: text.replace("2027-12-31", "soon"), r"key until: give a day as 2027-12-31, or never$"),
        (lambda text: text.replace("2027-12-31", "2020-01-01"), r"key until: 2020-01-01 is before the consent was"),
        (lambda text: text + "document: no.pdf\n", r"key document: .*no.pdf is not there"),
    ],
)
def test_bad_forms_are_one_line(form: Path, change: Callable[[str], str], said: str) -> None:
    form.write_text(change(FILLED))
    with pytest.raises(UserError, match=said) as caught:
        read_consent_form(form)
    assert "\n" not in str(caught.value)


def test_of_a_projects_recordings(form: Path, recording: Path) -> None:
    raw = recording.parent
    assert recorded_consents(raw, ["demo"]) == () and recorded_consents(raw, ["anna"]) is None
    with store_consent(form, recording):
        pass
    assert recorded_consents(raw, ["demo", "anna"]) == (read_consent_form(form),)
    assert recorded_consents(raw, ["anna", "berta"]) is None


def test_exported_and_back(form: Path, tmp_path: Path) -> None:
    assert read_exported_consent(tmp_path) is None
    consents = (read_consent_form(form), Consent("Berta", TODAY, "All.", None, "1" * 64, "2" * 64))
    write_exported_consent(tmp_path, consents)
    assert read_exported_consent(tmp_path) == consents
    (tmp_path / "consent.json").write_text('[{"person": "Anna"}]')
    with pytest.raises(UserError, match=r"consent.json: is damaged; export the face again"):
        read_exported_consent(tmp_path)


def test_who_is_reminded(form: Path) -> None:
    found = read_consent_form(form)
    assert consent_reminders("anna", [found], TODAY) == [] == consent_reminders("demo", [], TODAY)
    (missing,) = consent_reminders("anna", None, TODAY)
    assert missing.startswith("no consent of the person shown is on record for the face anna; `difftalker add")
    assert consent_reminders("anna", [found], date(2027, 12, 31)) == []
    (ended,) = consent_reminders("anna", [found], date(2028, 1, 1))
    assert ended.startswith("the consent of Anna Example to the face anna ended on 2027-12-31; ask again")


def test_doctor_tells(form: Path, recording: Path) -> None:
    missing = consent_finding(recording, TODAY)
    assert missing.verdict == "warning" and "difftalker add --name anna --consent" in missing.advice
    with store_consent(form, recording):
        pass
    found = consent_finding(recording, TODAY)
    assert found.verdict == "ok" and found.text.startswith("of Anna Example, from 2026-11-20 until 2027-12-31: Her")
    assert consent_finding(recording, date(2028, 1, 1)).verdict == "warning"


def test_dub_reminds(face: TalkingFace, speech: Callable[..., Path], tmp_path: Path, form: Path) -> None:
    before = face.consent
    try:
        face.consent = None
        report = face.dub(speech(0.2), tmp_path / "out.mp4")
    finally:
        face.consent = before
    assert any("no consent of the person shown is on record" in warning for warning in report.warnings)
