"""A trained face as one object: load it, drive it with sound.

    from difftalker import TalkingFace

    face = TalkingFace.load("anna")                      # a folder that `difftalker export` made
    face.dub(audio="speech.wav", output="talk.mp4")      # on the face's own footage
    face.dub(audio="speech.wav", video="interview.mp4", output="talk.mp4")

The command `difftalker dub` runs the same code.
"""

from __future__ import annotations

import hashlib
import tempfile
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any, Unpack

import numpy as np

from difftalker.completion.landmark_file import write_completed
from difftalker.completion.network import LandmarkCompletion
from difftalker.compute.device import select_device
from difftalker.compute.interrupt import InterruptFlag
from difftalker.config import Device
from difftalker.dub.footage_face import FootageFace
from difftalker.dub.make_film import make_film
from difftalker.dub.output import check_preview_outputs, explain_full_disk, refuse_input_as_output
from difftalker.dub.parts_folder import PartsFolder, check_resumable, file_hash
from difftalker.dub.plan import FilmRequest, LoadedFace, Plan, make_plan
from difftalker.dub.preview import write_preview
from difftalker.dub.settings import DubReport, DubSettings, RunOptions, StageProgress, count_steps
from difftalker.errors import UserError
from difftalker.face_folder import FACE_TRACK, FOOTAGE, Description, face_hash, own_footage, read_description
from difftalker.files import readable_name
from difftalker.painting.decoder.network import load_decoder
from difftalker.painting.diffusion.network import FaceNetwork
from difftalker.painting.diffusion.prior import Prior
from difftalker.painting.synthesis import Synthesiser
from difftalker.provenance.consent import Consent, consent_reminders, read_exported_consent
from difftalker.provenance.credentials import FilmClaims, SourceFile
from difftalker.provenance.face_signature import FaceChangedWarning, face_changes
from difftalker.provenance.seal import FilmSigner
from difftalker.provenance.signing_key import Signing
from difftalker.provenance.watermark import WATERMARK_NAME
from difftalker.version import VERSION


class TalkingFace:
    """A trained face.

    Attributes:
        description: what the face is.
        hash: SHA-256 of its networks.
        footage: the base footage that `dub` uses by default, or None.
        footage_face: the face in that footage, if it is known.
        consent: what is on record of the consent to its use; None where nothing is.
        changes: what was changed since the face was signed, one line each; none for an unsigned one.
    """

    def __init__(
        self,
        folder: Path,
        description: Description,
        footage: Path | None,
        footage_face: FootageFace | None,
        device: Device,
    ) -> None:
        self.description = description
        self.hash = face_hash(folder)
        self.changes = face_changes(folder, self.hash)
        self.consent = read_exported_consent(folder)
        self.footage = footage
        self.footage_face = footage_face
        self.device: Device = device
        where = select_device(device)
        self._completion = LandmarkCompletion.load(folder / "landmarks").to(where)
        prior = Prior.load(folder / "prior")
        network = FaceNetwork.load(folder / "face", prior.unet)
        decoder = load_decoder(folder / "decoder")
        self._synthesiser = Synthesiser(prior, network, description.sampling, where, decoder)

    @classmethod
    def load(
        cls,
        folder: str | Path,
        footage: str | Path | None = None,
        footage_face: FootageFace | None = None,
        device: Device = "auto",
        consent: Sequence[Consent] | None = None,
    ) -> TalkingFace:
        """Load a face. A signed one that was changed since is loaded with a `FaceChangedWarning`.

        Args:
            folder: an exported face, or `data/models` of a project.
            footage: base footage, by default the one in the folder; `data/models` has none: give the recording.
            footage_face: the face in that footage; by default what the folder knows if it is the footage that
                `face.json` names, else it is looked for.
            device: where to compute.
            consent: on record; by default what the folder knows, as `difftalker export` wrote it.

        Raises:
            UserError: the folder is incomplete, damaged, or made by a newer version.
        """
        folder = Path(folder)
        description = read_description(folder)
        film = Path(footage) if footage is not None else own_footage(folder, description)
        known = folder / FOOTAGE / FACE_TRACK
        if footage_face is None and film is not None and description.names(film) and known.exists():
            footage_face = FootageFace.load(known)
        face = cls(folder, description, film, footage_face, device)
        if consent is not None:
            face.consent = tuple(consent)
        for change in face.changes:
            warnings.warn(change, FaceChangedWarning, stacklevel=2)
        return face

    def dub(
        self,
        audio: str | Path,
        output: str | Path,
        video: str | Path | None = None,
        *,
        landmarks: np.ndarray | str | Path | None = None,
        settings: DubSettings | None = None,
        signing: Signing | None = None,
        overwrite: bool = False,
        resume: bool = False,
        progress: StageProgress = lambda stage, done, total: None,
        cancel: Callable[[], bool] = lambda: False,
    ) -> DubReport:
        """Make a film in which the face says something.

        Args:
            audio: speech; any file that FFmpeg reads.
            output: file to write, `.mp4`, `.mov` or `.mkv`.
            video: base footage, by default the face's own. Longer speech plays it forwards and backwards.
            landmarks: what to paint from in place of what the networks hear: (frames, 68, 2) over the crop
                size, or a file of `completion.landmark_file.write_completed`.
            settings: codec, label, gain and more.
            signing: with what the film is signed; by default with the user's own key.
            overwrite: replace an existing output, or the beginning of an interrupted film.
            resume: go on with an interrupted film; the same command ends in the same bytes.
            progress: called with the stage (`detect`, `paint`), the steps done and the steps in all.
            cancel: asked before every frame whether to stop. Ctrl-C stops too, in the main thread.

        Returns:
            What was made.

        Raises:
            UserError: something that the user can put right; nothing is left under the output's name.
            Interrupted: the work was stopped; it says where the playable beginning is.
        """
        output, settings = Path(output), settings or DubSettings()
        check_resumable(output, overwrite, resume)
        base = self._base(video)
        refuse_input_as_output(output, (base, Path(audio)))
        key: dict[str, Any] = {
            "audio": file_hash(Path(audio)), "video": file_hash(base), "face": self.hash, "output": output.suffix,
            "description": asdict(self.description), "settings": asdict(settings), "version": VERSION,
        }  # fmt: skip
        if isinstance(landmarks, np.ndarray):
            key["landmarks"] = hashlib.sha256(landmarks.astype(np.float32).tobytes()).hexdigest()
        elif landmarks is not None:
            key["landmarks"] = file_hash(Path(landmarks))
        report = DubReport(warnings=[*self.changes, *self._reminders()])
        sources = SourceFile(readable_name(base), key["video"]), SourceFile(readable_name(audio), key["audio"])
        claims = self._claims(*sources, WATERMARK_NAME if settings.watermark else None)
        seal = FilmSigner(signing or Signing(), output, claims, base, report.warnings.append)
        with explain_full_disk(output):
            parts = PartsFolder(output, key, resume)
        with explain_full_disk(output), parts.removed_on_failure(), InterruptFlag() as flag:
            kept = FootageFace.load(parts.face_track) if parts.face_track.exists() else None
            request = self._request(audio, video, landmarks, settings, kept)
            metadata = seal.metadata(self.metadata())
            make_film(
                self._loaded(), request, parts, output, metadata, report, progress,
                lambda: flag.raised or cancel(), seal,
            )  # fmt: skip
            report.seconds["sign"] = seal.seconds
        return report

    @contextmanager
    def planned(
        self,
        audio: str | Path,
        video: str | Path | None = None,
        *,
        landmarks: np.ndarray | str | Path | None = None,
        settings: DubSettings | None = None,
        progress: StageProgress = lambda stage, done, total: None,
        cancel: Callable[[], bool] = lambda: False,
        report: DubReport | None = None,
    ) -> Iterator[Plan]:
        """What `dub` would paint, before it does: landmarks, crops and places, to look at in seconds.

        Args:
            audio, video, landmarks, settings, progress, cancel: as in `dub`.
            report: takes the warnings.

        Yields:
            The plan; it can be read from inside the context.

        Raises:
            UserError, Interrupted: as `dub`.
        """
        with tempfile.TemporaryDirectory(prefix="difftalker-") as folder:
            request = self._request(audio, video, landmarks, settings or DubSettings())
            warn = (report or DubReport()).warnings.append
            spool = Path(folder) / "sound.wav"
            yield make_plan(
                self._loaded(), request, spool, warn, lambda total: count_steps("detect", total, progress, cancel)
            )

    def landmarks(
        self,
        audio: str | Path,
        video: str | Path | None = None,
        **choices: Unpack[RunOptions],
    ) -> np.ndarray:
        """The landmarks that `dub` would paint from: (frames, 68, 2) float32 over the crop size.

        Args, raises: as `planned`.
        """
        with self.planned(audio, video, **choices) as plan:
            return plan.all_landmarks()

    def preview(
        self,
        audio: str | Path,
        output: str | Path,
        video: str | Path | None = None,
        *,
        parquet: str | Path | None = None,
        landmarks: np.ndarray | str | Path | None = None,
        settings: DubSettings | None = None,
        overwrite: bool = False,
        progress: StageProgress = lambda stage, done, total: None,
        cancel: Callable[[], bool] = lambda: False,
    ) -> DubReport:
        """Make a film of the landmarks that `dub` would paint from, in a small part of the time.

        Args:
            audio, video, landmarks, settings, overwrite, cancel: as in `dub`.
            output: an `.mp4` file.
            parquet: also write the landmarks there, to change and give back to `dub`.
            progress: as in `dub`, with the stages `detect` and `draw`.

        Returns:
            What was made.

        Raises:
            UserError, Interrupted: as `dub`; nothing is left.
        """
        output = Path(output)
        check_preview_outputs(output, Path(parquet) if parquet is not None else None, overwrite)
        report = DubReport()
        with (
            explain_full_disk(output, resumable=False),
            self.planned(
                audio, video, landmarks=landmarks, settings=settings, progress=progress, cancel=cancel, report=report
            ) as plan,
        ):
            points = plan.all_landmarks()
            write_preview(output, plan, points, self.metadata(), count_steps("draw", plan.frames, progress, cancel))
            if parquet is not None:
                write_completed(parquet, points, plan.footage.fps, plan.footage.path.stem, plan.sound.source.stem)
            report.frames, report.fps, report.unpainted = plan.frames, plan.footage.fps, plan.unpainted()
        return report

    def metadata(self) -> dict[str, str]:
        """What every film says of itself."""
        return {
            "title": "Synthetic talking face",
            "comment": f"Synthetic media, generated by DiffTalker {VERSION}; face sha256:{self.hash}",
        }

    def _loaded(self) -> LoadedFace:
        return LoadedFace(self.description, self._completion, self._synthesiser, self.device)

    def _claims(self, video: SourceFile, speech: SourceFile, watermark: str | None) -> FilmClaims:
        consents = [consent.sha256 for consent in self.consent or ()]
        return FilmClaims(SourceFile(self.description.name, self.hash), video, speech, consents, watermark)

    def _reminders(self) -> list[str]:
        return consent_reminders(self.description.name, self.consent, date.today())

    def _base(self, video: str | Path | None) -> Path:
        if video is not None:
            return Path(video)
        if self.footage is None:
            raise UserError(f"the face {self.description.name} comes without footage; name a base video with --video")
        return self.footage

    def _request(
        self,
        audio: str | Path,
        video: str | Path | None,
        landmarks: np.ndarray | str | Path | None,
        settings: DubSettings,
        footage_face: FootageFace | None = None,
    ) -> FilmRequest:
        if footage_face is None and video is None and settings.track is None:
            footage_face = self.footage_face
        given = Path(landmarks) if isinstance(landmarks, str) else landmarks
        return FilmRequest(Path(audio), self._base(video), footage_face, given, settings)
