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
from dataclasses import asdict, replace
from datetime import date
from pathlib import Path
from typing import Any, Literal, Unpack

import numpy as np

from difftalker.completion.landmark_file import read_completed, write_completed
from difftalker.completion.network import LandmarkCompletion
from difftalker.compute.device import select_device
from difftalker.compute.interrupt import InterruptFlag
from difftalker.dub.footage import Footage
from difftalker.dub.footage_face import Scene, Tick
from difftalker.dub.make_film import make_film
from difftalker.dub.output import check_preview, disk
from difftalker.dub.paint import Painter
from difftalker.dub.parts_folder import Work, check_begin, file_hash
from difftalker.dub.plan import Plan, make_plan
from difftalker.dub.preview import write_preview
from difftalker.dub.settings import Choices, Interrupted, Progress, Report, Settings
from difftalker.dub.sound import spool_sound
from difftalker.errors import UserError
from difftalker.face_folder import FOOTAGE, SCENE, Description, face_hash, own_footage, read_description
from difftalker.painting.decoder.network import load_decoder
from difftalker.painting.diffusion.network import FaceNetwork
from difftalker.painting.diffusion.prior import Prior
from difftalker.painting.synthesis import Synthesiser
from difftalker.provenance import watermark
from difftalker.provenance.consent import Consent, read_exported, reminders
from difftalker.provenance.credentials import Claims, Source
from difftalker.provenance.face_signature import FaceChangedWarning, check_face
from difftalker.provenance.seal import Seal
from difftalker.provenance.signing_key import Signing
from difftalker.version import VERSION

Device = Literal["auto", "cpu", "cuda", "mps"]


class TalkingFace:
    """A trained face.

    Attributes:
        description: what the face is.
        hash: SHA-256 of its networks.
        footage: the base footage that `dub` uses by default, or None.
        scene: the face in that footage, if it is known.
        consent: what is on record of the consent to its use; None where nothing is.
        changes: what was changed since the face was signed, one line each; none for an unsigned one.
    """

    def __init__(
        self, folder: Path, description: Description, footage: Path | None, scene: Scene | None, device: Device
    ) -> None:
        self.description = description
        self.hash = face_hash(folder)
        self.changes = check_face(folder, self.hash)
        self.consent = read_exported(folder)
        self.footage = footage
        self.scene = scene
        self.device: Device = device
        self._completion = LandmarkCompletion.load(folder / "landmarks")
        prior = Prior.load(folder / "prior")
        network = FaceNetwork.load(folder / "face", prior.unet)
        decoder = load_decoder(folder / "decoder")
        self._synthesiser = Synthesiser(prior, network, description.sampling, select_device(device), decoder)

    @classmethod
    def load(
        cls,
        folder: str | Path,
        footage: str | Path | None = None,
        scene: Scene | None = None,
        device: Device = "auto",
        consent: Sequence[Consent] | None = None,
    ) -> TalkingFace:
        """Load a face. A signed one that was changed since is loaded with a `FaceChangedWarning`.

        Args:
            folder: an exported face, or `data/models` of a project.
            footage: base footage, by default the one in the folder; `data/models` has none: give the recording.
            scene: the face in that footage; by default what the folder knows if it is the footage that `face.json`
                names, else it is looked for.
            device: where to compute.
            consent: on record; by default what the folder knows, as `difftalker export` wrote it.

        Raises:
            UserError: the folder is incomplete, damaged, or made by a newer version.
        """
        folder = Path(folder)
        description = read_description(folder)
        film = Path(footage) if footage is not None else own_footage(folder, description)
        known = folder / FOOTAGE / SCENE
        if scene is None and film is not None and description.names(film) and known.exists():
            scene = Scene.load(known)
        face = cls(folder, description, film, scene, device)
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
        settings: Settings | None = None,
        signing: Signing | None = None,
        overwrite: bool = False,
        resume: bool = False,
        progress: Progress = lambda stage, done, total: None,
        cancel: Callable[[], bool] = lambda: False,
    ) -> Report:
        """Make a film in which the face says something.

        Args:
            audio: speech; any file that FFmpeg reads.
            output: file to write, `.mp4`, `.mov` or `.mkv`.
            video: base footage, by default the face's own. Longer speech plays it forwards and backwards.
            landmarks: what to paint from in place of what the networks hear: (frames, 68, 2) over the crop
                size, or a file of `landmarks.completed.write_completed`.
            settings: codec, label, gain and more.
            signing: with what the film is signed; by default with the user's own key.
            overwrite: replace an existing output, or the beginning of an interrupted film.
            resume: go on with an interrupted film; the same command ends in the same bytes.
            progress: called with the stage (`survey`, `paint`), the steps done and the steps in all.
            cancel: asked before every frame whether to stop. Ctrl-C stops too, in the main thread.

        Returns:
            What was made.

        Raises:
            UserError: something that the user can put right; nothing is left under the output's name.
            Interrupted: the work was stopped; it says where the playable beginning is.
        """
        output, settings = Path(output), settings or Settings()
        check_begin(output, overwrite, resume)
        base = self._base(video)
        key: dict[str, Any] = {
            "audio": file_hash(Path(audio)), "video": file_hash(base), "face": self.hash, "output": output.suffix,
            "description": asdict(self.description), "settings": asdict(settings), "version": VERSION,
        }  # fmt: skip
        if isinstance(landmarks, np.ndarray):
            key["landmarks"] = hashlib.sha256(landmarks.astype(np.float32).tobytes()).hexdigest()
        elif landmarks is not None:
            key["landmarks"] = file_hash(Path(landmarks))
        report = Report(warnings=[*self.changes, *self._reminders()])
        sources = Source(base.name, key["video"]), Source(Path(audio).name, key["audio"])
        claims = self._claims(*sources, watermark.NAME if settings.watermark else None)
        seal = Seal(signing or Signing(), output, claims, base, report.warnings.append)
        with disk(output):
            work = Work(output, key, resume)
        with disk(output), work.guarded(), InterruptFlag() as flag:

            def stop() -> bool:
                return flag.raised or cancel()

            scene = Scene.load(work.scene) if work.scene.exists() else self._known(video, settings)
            plan = self._plan(Path(audio), base, work.sound, scene, settings, report, progress, stop)
            plan.scene.save(work.scene)
            if landmarks is not None:
                plan = replace(plan, given=_given(landmarks, plan.frames))
            tick = _ticker("paint", plan.frames, progress, lambda: False)
            painter = Painter(plan, self._synthesiser)
            report.seconds |= make_film(plan, painter, work, output, seal.metadata(self.metadata()), tick, stop, seal)
            report.seconds["sign"] = seal.seconds
        report.frames, report.fps, report.unpainted = plan.frames, plan.footage.fps, plan.unpainted()
        return report

    @contextmanager
    def planned(
        self,
        audio: str | Path,
        video: str | Path | None = None,
        *,
        settings: Settings | None = None,
        progress: Progress = lambda stage, done, total: None,
        cancel: Callable[[], bool] = lambda: False,
        report: Report | None = None,
    ) -> Iterator[Plan]:
        """What `dub` would paint, before it does: landmarks, crops and places, to look at in seconds.

        Args:
            audio, video, settings, progress, cancel: as in `dub`.
            report: takes the warnings.

        Yields:
            The plan; it can be read from inside the context.

        Raises:
            UserError, Interrupted: as `dub`.
        """
        with tempfile.TemporaryDirectory(prefix="difftalker-") as folder:
            spool = Path(folder) / "sound.wav"
            choices = settings or Settings()
            known, taken = self._known(video, choices), report or Report()
            yield self._plan(Path(audio), self._base(video), spool, known, choices, taken, progress, cancel)

    def landmarks(
        self,
        audio: str | Path,
        video: str | Path | None = None,
        **choices: Unpack[Choices],
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
        settings: Settings | None = None,
        overwrite: bool = False,
        progress: Progress = lambda stage, done, total: None,
        cancel: Callable[[], bool] = lambda: False,
    ) -> Report:
        """Make a film of the landmarks that `dub` would paint from, in a small part of the time.

        Args:
            audio, video, landmarks, settings, overwrite, cancel: as in `dub`.
            output: an `.mp4` file.
            parquet: also write the landmarks there, to change and give back to `dub`.
            progress: as in `dub`, with the stages `survey` and `draw`.

        Returns:
            What was made.

        Raises:
            UserError, Interrupted: as `dub`; nothing is left.
        """
        output = Path(output)
        check_preview(output, Path(parquet) if parquet is not None else None, overwrite)
        report = Report()
        with (
            disk(output, resumable=False),
            self.planned(audio, video, settings=settings, progress=progress, cancel=cancel, report=report) as plan,
        ):
            given = plan.all_landmarks() if landmarks is None else _given(landmarks, plan.frames)
            write_preview(output, plan, given, self.metadata(), _ticker("draw", plan.frames, progress, cancel))
            if parquet is not None:
                write_completed(parquet, given, plan.footage.fps, plan.footage.path.stem, plan.sound.source.stem)
            report.frames, report.fps, report.unpainted = plan.frames, plan.footage.fps, plan.unpainted()
        return report

    def metadata(self) -> dict[str, str]:
        """What every film says of itself."""
        return {
            "title": "Synthetic talking face",
            "comment": f"Synthetic media, generated by DiffTalker {VERSION}; face sha256:{self.hash}",
        }

    def _claims(self, video: Source, speech: Source, mark: str | None) -> Claims:
        consents = [consent.sha256 for consent in self.consent or ()]
        return Claims(Source(self.description.name, self.hash), video, speech, consents, mark)

    def _reminders(self) -> list[str]:
        return reminders(self.description.name, self.consent, date.today())

    def _base(self, video: str | Path | None) -> Path:
        if video is not None:
            return Path(video)
        if self.footage is None:
            raise UserError(f"the face {self.description.name} comes without footage; name a base video with --video")
        return self.footage

    def _known(self, video: str | Path | None, settings: Settings) -> Scene | None:
        return self.scene if video is None and settings.track is None else None

    def _plan(
        self,
        audio: Path,
        video: Path,
        spool: Path,
        scene: Scene | None,
        settings: Settings,
        report: Report,
        progress: Progress,
        stop: Callable[[], bool],
    ) -> Plan:
        sound = spool_sound(audio, spool)
        footage = Footage(video, settings.codec == "lossless")
        if footage.has_alpha:
            report.warnings.append(f"{video}: its alpha channel is left out")
        return make_plan(
            self.description,
            self._completion,
            sound,
            footage,
            scene,
            settings,
            self.device,
            report.warnings.append,
            lambda total: _ticker("survey", total, progress, stop),
        )


def _ticker(stage: str, total: int, progress: Progress, stop: Callable[[], bool]) -> Tick:
    done = 0

    def tick(steps: int) -> None:
        nonlocal done
        if stop():
            raise Interrupted(None, 0.0)
        done += steps
        progress(stage, done, total)

    return tick


def _given(landmarks: np.ndarray | str | Path, frames: int) -> np.ndarray:
    if not isinstance(landmarks, np.ndarray):
        return read_completed(landmarks, frames)
    if landmarks.shape != (frames, 68, 2):
        raise UserError(f"landmarks of shape {landmarks.shape} for {frames} frames; give ({frames}, 68, 2)")
    return landmarks.astype(np.float32)
