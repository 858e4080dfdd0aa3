"""What figures were taken with, in words: they are only comparable with figures of the same protocol."""

from __future__ import annotations

from collections.abc import Mapping

from difftalker.sync.crop_rules import SyncCrop

DETECTOR_NAMES = {"mesh": "attention mesh (MediaPipe), 68 points", "fan": "FAN (face-alignment), 68 points"}


def describe_protocol(detector: str, crop: str, fps: float, expert: str | None, rule: SyncCrop) -> dict[str, str]:
    """Names for tables and for the report.

    Args:
        detector: `detector.name`.
        crop: of PSNR, SSIM, LD and sharpness, see `describe_crop`.
        fps: frames per second at which everything was measured.
        expert: what the sync expert is called; None where there is none.
        rule: of the faces it saw.
    """
    found = {"crop": crop, "detector": DETECTOR_NAMES[detector], "fps": f"{fps:g}"}
    return found if expert is None else found | {"sync_expert": expert, "sync_crop": rule.title}


def describe_crop(crops: Mapping[str, str]) -> str:
    """The pipeline's crop, from the metadata of a table of crops: `size` in pixels, `crop_scale` in face widths."""
    return f"{crops['size']} px face crop, {float(crops['crop_scale']):g} face widths a side"
