"""How well the watermark is found after what happens to films, how often where it is not, and what it costs.

    python -m benchmarks.watermark CLIP... [--unmarked CLIP...] [--films 20] [--seconds 5] [--amplitude 1.6]

The clips are real footage of faces. Each becomes a film of the given length, forwards and backwards as dubbing plays
it, with the mark where a face would be painted, in H.264 as `dub` writes it. The pictures themselves stay real: a
painted mouth moves no less. Re-encoding is by x264, preset medium. A false alarm is counted for every clip without the
mark, for every window of it as short as can be judged, and for every other pattern that is looked for in it, as none of
them is more the mark's than another.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory

import av
import cv2
import numpy as np

from difftalker.dub.footage import Footage
from difftalker.dub.picture_order import picture_order
from difftalker.dub.segment import choose_encoding, write_segment
from difftalker.face.crop import crop_geometry, face_width
from difftalker.face.tracking import SpeakerTrack, largest_track, track_faces
from difftalker.media.decode import decode_frames
from difftalker.media.planes import Picture
from difftalker.painting.jaw_mask import jaw_mask
from difftalker.provenance.watermark import WATERMARK_AMPLITUDE, add_watermark
from difftalker.provenance.watermark_search import (
    DETECTION_SCORE,
    FaceCrops,
    cut_face_crops,
    pattern_scores,
    read_face_crops,
)

SIZE, CROP_SCALE = 128, 1.25
WINDOW, STEP = 2.0, 0.16  # seconds of a window, and from one to the next
Change = Callable[[np.ndarray], np.ndarray]


def half(picture: np.ndarray) -> np.ndarray:
    """Half as wide and high."""
    return cv2.resize(picture, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)


def cropped(picture: np.ndarray) -> np.ndarray:
    """Without 8 % at the left and 5 % at the top."""
    height, width = picture.shape[:2]
    return np.ascontiguousarray(picture[round(0.05 * height) :, round(0.08 * width) :])


def brighter(picture: np.ndarray) -> np.ndarray:
    """20 % brighter, with a gamma of 0.9."""
    table = np.clip(255 * (1.2 * (np.arange(256) / 255) ** 0.9), 0, 255)
    return table.astype(np.uint8)[picture]


def recorded(picture: np.ndarray) -> np.ndarray:
    """As a screen is recorded: enlarged by an odd factor, then reduced to 0.83 with a soft filter, slightly darker."""
    large = cv2.resize(picture, None, fx=1.37, fy=1.37, interpolation=cv2.INTER_LINEAR)
    small = cv2.resize(cv2.GaussianBlur(large, (0, 0), 0.7), None, fx=0.83 / 1.37, fy=0.83 / 1.37)
    return cv2.convertScaleAbs(small, alpha=0.95)


# name -> change of every picture, quality, pictures per second over the film's
CHANGES: dict[str, tuple[Change | None, int, float]] = {
    "H.264, CRF 28": (None, 28, 1.0),
    "H.264, CRF 23": (None, 23, 1.0),
    "half size, CRF 23": (half, 23, 1.0),
    "half size, CRF 28": (half, 28, 1.0),
    "cropped, CRF 23": (cropped, 23, 1.0),
    "brighter, CRF 23": (brighter, 23, 1.0),
    "as recorded from a screen at 30 frames/s, CRF 23": (recorded, 23, 1.2),
}


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", type=Path, nargs="+")
    parser.add_argument("--unmarked", type=Path, nargs="*", default=[], help="more footage, for false alarms alone")
    parser.add_argument("--films", type=int, default=20, help="films that everything but CRF 28 is done to")
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--amplitude", type=float, default=WATERMARK_AMPLITUDE)
    parser.add_argument("--log", type=Path, help="file that keeps the figures of every clip, to go on from")
    arguments = parser.parse_args()
    known = [json.loads(line) for line in arguments.log.open()] if arguments.log and arguments.log.exists() else []
    entries = {entry["clip"]: entry for entry in known}
    every = max(len(arguments.clips) // max(arguments.films, 1), 1)
    for index, clip in enumerate((*arguments.clips, *arguments.unmarked)):
        if clip.name in entries:
            continue
        if index < len(arguments.clips):
            changes = list(CHANGES) if index % every == 0 else list(CHANGES)[:1]
            entries[clip.name] = measure(clip, changes, arguments.seconds, arguments.amplitude)
        else:
            entries[clip.name] = search_unmarked(clip)[0]
        if arguments.log:
            with arguments.log.open("a") as log:
                log.write(json.dumps(entries[clip.name]) + "\n")
    print(table([entries[clip.name] for clip in (*arguments.clips, *arguments.unmarked)]))


def search_unmarked(clip: Path) -> tuple[dict[str, object], SpeakerTrack | None]:
    """The scores of a clip as it is, all patterns over its whole length and the mark's over its windows; its face."""
    footage = Footage(clip, False)
    faces = next(track_faces([decode_frames(clip, footage.fps)]))
    track = faces.track(largest_track(faces.tracks)) if faces.tracks else None
    plain = cut_face_crops(decode_frames(clip, footage.fps), track, footage.fps) if track is not None else None
    if plain is None:
        return {"clip": clip.name}, None
    length, step = round(WINDOW * plain.fps), round(STEP * plain.fps)
    cut = (replace(plain, crops=plain.crops[at : at + length]) for at in range(0, len(plain.crops) - length + 1, step))
    windows = [float(pattern_scores(window)[0]) for window in cut]
    return {"clip": clip.name, "unmarked": pattern_scores(plain).tolist(), "windows": windows}, track


def measure(clip: Path, changes: Sequence[str], seconds: float, amplitude: float) -> dict[str, object]:
    """All figures of one clip."""
    entry, track = search_unmarked(clip)
    if track is None:
        return entry
    footage = Footage(clip, False)
    with TemporaryDirectory(prefix="difftalker-") as folder:
        film = Path(folder) / "film.mkv"
        entry |= make(clip, track, film, seconds, amplitude)
        found = {"as made, CRF 16": best(read_face_crops(film))}
        for name in changes:
            change, quality, faster = CHANGES[name]
            other = Path(folder) / "other.mp4"
            encode(film, other, change, quality, Fraction(footage.rate), faster)
            found[name] = best(read_face_crops(other))
    return entry | {"scores": found}


def best(film: FaceCrops | None) -> float:
    """The score of the mark, 0 where none can be told."""
    return float(pattern_scores(film)[0]) if film is not None else 0.0


def make(clip: Path, track: SpeakerTrack, film: Path, seconds: float, amplitude: float) -> dict[str, float]:
    """Write a marked film; what the mark changes."""
    footage = Footage(clip, False)
    count = len(track.found)
    for _ in footage.scan(count):
        pass
    order = picture_order(round(seconds * footage.fps), count, (0, count - 1))
    face = float(np.median(face_width(track.points[track.found])))
    geometry = crop_geometry(track, face, SIZE, CROP_SCALE, 0.4, footage.fps)
    scale, shift = geometry.transforms[:, 0, None, None], geometry.transforms[:, None, [2, 5]]
    masks = jaw_mask(((track.points * scale + shift) / SIZE).astype(np.float32), SIZE)
    squares: list[tuple[float, float, float]] = []

    def pictures() -> Iterator[Picture]:
        for frame, (index, picture) in enumerate(zip(order, footage.show(order), strict=True)):
            before = picture.planes[0].astype(np.float32)
            pasted = add_watermark(np.zeros((SIZE, SIZE, 3), np.float32), CROP_SCALE, frame / footage.fps, amplitude)
            matrix = geometry.transforms[index].reshape(2, 3)
            extent = (picture.rgb.shape[1], picture.rgb.shape[0])
            flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
            weight = cv2.warpAffine(masks[index], matrix, extent, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
            change = weight[..., None] * cv2.warpAffine(pasted, matrix, extent, flags=flags)
            picture.add((slice(0, extent[1]), slice(0, extent[0])), change)
            off = (picture.planes[0] - before) ** 2
            inside = off[weight > 0.5]
            squares.append((float(off.mean()), float(inside.mean()) if inside.size else 0.0, float(np.sqrt(off.max()))))
            yield picture

    write_segment(film, pictures(), choose_encoding("h264", footage.format, film), footage.rate)
    whole, painted, most = np.array(squares).T
    return {"psnr": psnr(whole.mean()), "psnr_inside": psnr(painted.mean()), "most": float(most.max())}


def psnr(square: float) -> float:
    """In dB, of a mean square."""
    return float(10 * np.log10(255**2 / max(square, 1e-9)))


def encode(source: Path, target: Path, change: Change | None, quality: int, rate: Fraction, faster: float) -> None:
    """Encode a film anew; odd sizes lose their last row or column."""
    pictures = decode_frames(source, float(rate) * faster)
    new = Fraction(float(rate) * faster).limit_denominator(1001)
    with av.open(str(target), "w") as container:
        stream: av.VideoStream | None = None
        for index, image in enumerate(pictures):
            picture = image if change is None else change(image)
            picture = np.ascontiguousarray(picture[: picture.shape[0] // 2 * 2, : picture.shape[1] // 2 * 2])
            if stream is None:
                stream = container.add_stream("libx264", rate=new, options={"crf": str(quality), "preset": "medium"})
                stream.height, stream.width, stream.pix_fmt = *picture.shape[:2], "yuv420p"
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = index, 1 / new
            container.mux(stream.encode(frame))
        if stream is not None:
            container.mux(stream.encode(None))


def table(entries: Sequence[dict]) -> str:
    """The figures as Markdown."""
    lines = ["| what was done to the film | films | found | lowest score | median |", "|---|---|---|---|---|"]
    films = [entry for entry in entries if "scores" in entry]
    for name in ["as made, CRF 16", *CHANGES]:
        values = np.array([entry["scores"][name] for entry in films if name in entry["scores"]])
        if len(values):
            found = f"{(values >= DETECTION_SCORE).sum()}"
            lines.append(f"| {name} | {len(values)} | {found} | {values.min():.1f} | {np.median(values):.1f} |")
    faces = [entry for entry in entries if "unmarked" in entry]
    lines += [
        "",
        "False alarms: " + alarms([entry["unmarked"][:1] for entry in faces], "clips without the mark"),
        alarms([entry["windows"] for entry in faces], f"windows of {WINDOW:g} s"),
        alarms([entry["unmarked"] for entry in faces], "clips and patterns"),
    ]
    if films:
        lines += [
            "PSNR against the unmarked film before coding: "
            f"{np.mean([entry['psnr'] for entry in films]):.1f} dB, inside the painted part "
            f"{np.mean([entry['psnr_inside'] for entry in films]):.1f} dB; no pixel changes by more than "
            f"{max(entry['most'] for entry in films):.0f} of 255.",
        ]
    return "\n".join(lines)


def alarms(scores: Sequence[Sequence[float]], what: str) -> str:
    """How many scores of unmarked footage are a false alarm."""
    values = np.concatenate([np.array(part) for part in scores])
    return f"{int((values >= DETECTION_SCORE).sum())} of {len(values)} {what} (highest score {values.max():.1f})"


if __name__ == "__main__":
    main()
