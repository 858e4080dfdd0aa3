"""DiffTalker: person-specific talking faces from a few minutes of video."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from difftalker.talking_face import TalkingFace

__all__ = ["TalkingFace"]


def __getattr__(name: str) -> Any:
    """`TalkingFace` is loaded when it is asked for: it needs torch, most of the library does not."""
    if name == "TalkingFace":
        from difftalker.talking_face import TalkingFace

        return TalkingFace
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
