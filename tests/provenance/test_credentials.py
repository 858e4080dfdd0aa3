"""Signed films: what they say, that they hold, that a changed byte shows, and what cannot be signed."""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import av
import c2pa
import numpy as np
import pytest
from cryptography import x509

from difftalker.cli.main import main
from difftalker.dub.settings import DubSettings, Interrupted
from difftalker.errors import UserError
from difftalker.provenance.configuration import configuration_folder
from difftalker.provenance.credentials import SYNTHETIC_MEDIA, offline_context
from difftalker.provenance.reading import Credentials, read_credentials
from difftalker.provenance.self_signed import make_key_pair
from difftalker.provenance.signing_key import Signing, own_issuer
from difftalker.talking_face import TalkingFace
from difftalker.version import VERSION
from tests.dub.tiny_face import CONSENT, PICTURES, Tiny, pictures
from tests.footage import write_footage
from tests.provenance.unsigned import boxes, is_credentials, unsigned

Speech = Callable[..., Path]


@pytest.fixture(scope="module")
def film(face: TalkingFace, speech: Speech, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("signed") / "talk.mp4"
    report = face.dub(speech(2.4), path, settings=DubSettings(watermark=True))
    assert report.warnings == [] and report.seconds["sign"] > 0
    return path


def read(path: Path) -> Credentials:
    found = read_credentials(path)
    assert found is not None
    return found


def comment(path: Path) -> str:
    with av.open(str(path)) as container:
        return container.metadata.get("comment") or container.metadata["COMMENT"]


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def flipped(path: Path, target: Path, at: int) -> Path:
    """A copy with one bit changed."""
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    target.write_bytes(data)
    return target


def verified(capsys: pytest.CaptureFixture[str], path: Path) -> tuple[int, str]:
    with pytest.raises(SystemExit) as caught:
        main(["verify", str(path)])
    return int(caught.value.code or 0), capsys.readouterr().out


def test_a_film_says_what_it_is(film: Path, face: TalkingFace, tiny: Tiny, speech: Speech) -> None:
    found = read(film)
    assert found.problems == () and found.kind == "trainedAlgorithmicMedia"
    assert found.software == f"DiffTalker {VERSION}" and found.own
    spoken = {"title": speech(2.4).name, "sha256": sha256(speech(2.4))}
    shown = {"title": tiny.footage.name, "sha256": sha256(tiny.footage)}
    assert found.film["face"] == {"title": "tiny", "sha256": face.hash}
    assert (found.film["video"], found.film["speech"]) == (shown, spoken)
    assert found.film["consent"] == [CONSENT.sha256] and found.film["watermark"] == "difftalker-1"
    assert {source.title: source.sha256 for source in found.sources} == {
        entry["title"]: entry["sha256"] for entry in (spoken, shown)
    }
    assert str(tiny.footage.parent).encode() not in film.read_bytes()


def test_verify_says_so_in_plain_words(film: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, text = verified(capsys, film)
    assert status == 0
    for line in (
        "is:        synthetic media, made by trained software (AI)",
        "face:      tiny, sha256 ",
        "consent:   on record, statement sha256 000",
        "(your own key)",
        "signature: holds; pictures, sound and claims were not changed since",
    ):
        assert line in text


def test_pictures_and_sound_stay_the_same_bytes(film: Path, face: TalkingFace, speech: Speech, tmp_path: Path) -> None:
    def packets(path: Path, kind: str) -> list[bytes]:
        with av.open(str(path)) as container:
            return [bytes(packet) for packet in container.demux(getattr(container.streams, kind)[0]) if packet.size]

    plain = tmp_path / "plain.mp4"
    face.dub(speech(2.4), plain, settings=DubSettings(watermark=True), signing=Signing(off=True))
    assert read_credentials(plain) is None and comment(plain).endswith("; not signed, as asked for by --no-sign")
    for kind in ("video", "audio"):
        assert packets(film, kind) == packets(plain, kind)
    again = tmp_path / "again.mp4"
    face.dub(speech(2.4), again, settings=DubSettings(watermark=True))
    assert unsigned(again) == unsigned(film) and sum(map(is_credentials, boxes(again.read_bytes()))) == 1


def test_one_changed_byte_of_pictures_shows(film: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = film.read_bytes()
    media = next(box for box in boxes(data) if box[4:8] == b"mdat")
    changed = flipped(film, tmp_path / "changed.mp4", data.index(media) + len(media) // 2)
    assert read(changed).problems == ("pictures, sound or metadata were changed after the film was signed",)
    status, text = verified(capsys, changed)
    assert status == 1 and "signature: DOES NOT HOLD: pictures, sound or metadata were changed" in text


def test_changed_claims_show(film: Path, tmp_path: Path) -> None:
    changed = flipped(film, tmp_path / "changed.mp4", film.read_bytes().index(b"trainedAlgorithmic"))
    assert "what the credentials say was changed after they were signed" in read(changed).problems


def test_quicktime_and_the_beginning_of_a_film_are_signed(face: TalkingFace, speech: Speech, tmp_path: Path) -> None:
    coded = write_footage(tmp_path / "sound.mp4", pictures(10), sound=np.zeros(6400, np.int16))
    face.dub(coded, tmp_path / "talk.mov")
    assert read(tmp_path / "talk.mov").problems == ()
    done = 0

    def progress(stage: str, count: int, total: int) -> None:
        nonlocal done
        done = count if stage == "paint" else 0

    with pytest.raises(Interrupted):
        face.dub(
            speech(0.8), tmp_path / "x.mp4", settings=DubSettings(segment=8), progress=progress, cancel=lambda: done > 9
        )
    assert read(tmp_path / "x.partial.mp4").problems == ()


def test_a_container_that_holds_none(face: TalkingFace, speech: Speech, tmp_path: Path) -> None:
    path = tmp_path / "talk.mkv"
    report = face.dub(speech(0.4), path)
    assert report.warnings == [f"{path}: not signed, as Matroska holds no Content Credentials; .mp4 and .mov hold them"]
    assert comment(path).endswith("; not signed, as Matroska holds no Content Credentials")
    named = Signing(key=tmp_path / "key.pem", certificate=tmp_path / "cert.pem")
    with pytest.raises(UserError, match=r"Matroska holds no Content Credentials; name the film .mp4 or .mov"):
        face.dub(speech(0.4), tmp_path / "other.mkv", signing=named)
    assert [path.name for path in tmp_path.iterdir()] == ["talk.mkv"]


def test_a_key_that_cannot_be_used_stops_before_any_work(face: TalkingFace, speech: Speech, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"key.pem: no such file"):
        face.dub(speech(0.4), tmp_path / "o.mp4", signing=Signing(False, tmp_path / "key.pem", tmp_path / "cert.pem"))
    assert list(tmp_path.iterdir()) == []


def test_a_signed_base_video_stays_in_the_record(film: Path, face: TalkingFace, speech: Speech, tmp_path: Path) -> None:
    report = face.dub(speech(0.4), tmp_path / "talk.mp4", film)
    assert not [warning for warning in report.warnings if "Credentials" in warning or "was signed" in warning]
    found = read(tmp_path / "talk.mp4")
    assert found.problems == () and found.film["video"]["sha256"] == sha256(film)
    assert (tmp_path / "talk.mp4").read_bytes().count(b"trainedAlgorithmicMedia") == 2


def test_credentials_of_other_software_are_read_and_kept(
    face: TalkingFace, tiny: Tiny, speech: Speech, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    action = {"action": "c2pa.created", "digitalSourceType": f"{SYNTHETIC_MEDIA.rsplit('/', 1)[0]}/digitalCapture"}
    statement = {
        "claim_generator_info": [{"name": "Camera", "version": "3"}],
        "assertions": [{"label": "c2pa.actions.v2", "data": {"actions": [action]}}],
    }
    private, certificates = make_key_pair()
    signer = c2pa.Signer.from_info(c2pa.C2paSignerInfo("es256", certificates, private, None))
    base = tmp_path / "base.mp4"
    with tiny.footage.open("rb") as source, base.open("w+b") as target:
        c2pa.Builder(statement, context=offline_context()).sign(signer, "video/mp4", source, target)
    status, text = verified(capsys, base)
    assert status == 0 and "is:        taken by a camera\nmade with: Camera 3\n" in text
    assert "(no list confirms who it is)" in text and "consent" not in text

    report = face.dub(speech(0.4), tmp_path / "talk.mp4", base)
    assert report.warnings == []
    assert read(tmp_path / "talk.mp4").problems == () and b"digitalCapture" in (tmp_path / "talk.mp4").read_bytes()


@pytest.mark.parametrize(
    ("mark", "shift", "said"),
    [
        (b"mdat", 3000, r"was changed after it was signed, or its signature does not hold; the film keeps that on"),
        (b"jumbjumd", 0, r"its Content Credentials are broken \(.*\); the film does not keep them"),
    ],
)
def test_a_base_video_with_broken_credentials(
    face: TalkingFace, tiny: Tiny, speech: Speech, tmp_path: Path, mark: bytes, shift: int, said: str
) -> None:
    whole = tmp_path / "whole.mp4"
    face.dub(speech(PICTURES / 25), whole)
    data = whole.read_bytes()
    at = data.index(mark[:4]) + shift if shift else data.index(b"jumb")
    report = face.dub(speech(0.4), tmp_path / "talk.mp4", flipped(whole, tmp_path / "base.mp4", at))
    marks = ("Credentials", "was signed")
    lines = [warning for warning in report.warnings if any(mark in warning for mark in marks)]
    assert len(lines) == 1 and "\n" not in lines[0]
    assert re.search(f"base.mp4: {said}", lines[0])
    assert read(tmp_path / "talk.mp4").problems == ()


def test_the_own_key_is_not_known_by_its_number(
    face: TalkingFace, speech: Speech, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Anybody can write a certificate with the name and number of another's."""
    issuer = own_issuer()
    assert issuer is not None
    own = x509.load_pem_x509_certificates((configuration_folder() / "signing/certificates.pem").read_bytes())[0]
    with monkeypatch.context() as patched:
        patched.setattr(x509, "random_serial_number", lambda: own.serial_number)
        pair = make_key_pair()
    for name, content in zip(("key.pem", "cert.pem"), pair, strict=True):
        (tmp_path / name).touch(mode=0o600)
        (tmp_path / name).write_bytes(content)
    path = tmp_path / "talk.mp4"
    face.dub(speech(0.4), path, signing=Signing(key=tmp_path / "key.pem", certificate=tmp_path / "cert.pem"))
    assert read(path).problems == () and not read(path).own


@pytest.mark.parametrize("name", ["talk", "talk.mkv", "talk.mov"])
def test_renamed_films_are_known_by_their_bytes(film: Path, tmp_path: Path, name: str) -> None:
    shutil.copyfile(film, tmp_path / name)
    assert read(tmp_path / name).problems == ()


def test_what_cannot_be_played_is_judged_too(film: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "cut.mp4").write_bytes(film.read_bytes()[: film.stat().st_size * 2 // 3])
    status, text = verified(capsys, tmp_path / "cut.mp4")
    assert status == 1 and "signature: DOES NOT HOLD: pictures, sound or metadata were changed" in text
    assert "watermark: cannot be looked for: " in text


def test_the_watermark_outlives_the_metadata(film: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with av.open(str(film)) as source, av.open(str(tmp_path / "again.mp4"), "w") as target:
        video = source.streams.video[0]
        stream = target.add_stream_from_template(video)
        for packet in source.demux(video):
            if packet.size:
                packet.stream = stream
                target.mux(packet)
    status, text = verified(capsys, tmp_path / "again.mp4")
    assert status == 1 and "has no Content Credentials" in text and "watermark: FOUND (score" in text


def test_credentials_too_broken_to_read(film: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    broken = flipped(film, tmp_path / "broken.mp4", film.read_bytes().index(b"jumb"))
    with pytest.raises(SystemExit) as caught:
        main(["verify", str(broken)])
    error = capsys.readouterr().err
    assert caught.value.code == 1 and error.startswith(f"error: {broken}: its Content Credentials cannot be read (")
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    ("name", "said"),
    [("no.mp4", "no such file; check the name"), ("text.mp4", "is no film that can be read; name a video file or an")],
)
def test_verify_of_no_film(tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, said: str) -> None:
    (tmp_path / "text.mp4").write_text("no film")
    with pytest.raises(SystemExit) as caught:
        main(["verify", str(tmp_path / name)])
    error = capsys.readouterr().err
    assert caught.value.code == 1 and said in error and error.count("\n") == 1


def test_an_unsigned_film_of_others(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_footage(tmp_path / "plain.mp4", pictures(5))
    status, text = verified(capsys, path)
    assert status == 1 and "has no Content Credentials; whether it was changed cannot be told" in text
    assert "watermark: cannot be looked for: the film shows a face for less than 2 s" in text
