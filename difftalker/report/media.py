"""Pictures and videos as data URIs, so that the page needs no other file."""

from __future__ import annotations

import base64
from pathlib import Path

import cv2
import numpy as np

from difftalker.tables import encode_image

LARGEST = 320  # pixels a side of an embedded picture


def image_uri(image: np.ndarray) -> str:
    """An RGB image (h, w, 3) uint8 as JPEG, reduced to at most `LARGEST` pixels a side."""
    factor = LARGEST / max(image.shape[:2])
    if factor < 1:
        image = cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    return data_uri(encode_image(image, "jpeg"), "image/jpeg")


def video_uri(path: Path) -> str:
    """An MP4 file."""
    return data_uri(path.read_bytes(), "video/mp4")


def data_uri(data: bytes, kind: str) -> str:
    """Bytes of a media type."""
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"
