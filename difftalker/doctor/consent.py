"""Whether the person shown agreed, and until when."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from difftalker.doctor.findings import Finding
from difftalker.provenance.consent import read_recorded_consent


def consent_finding(recording: Path, today: date) -> Finding:
    """One line on the consent to the use of a recording.

    Raises:
        UserError: what is on record is damaged.
    """
    found = read_recorded_consent(recording)
    if found is None:
        advice = f"`difftalker add --name {recording.name} --consent consent.yaml` puts it on record"
        return Finding("consent", "none is on record", "warning", advice)
    text = f"of {found.person}, {found.period}: {found.use}"
    if found.ended(today):
        return Finding("consent", text, "warning", "it has ended; ask again before the face is used")
    return Finding("consent", text)
