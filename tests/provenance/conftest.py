"""A tiny face and speech for it, as the tests of dubbing have them."""

from tests.dub.conftest import face, speech, tiny

__all__ = ["face", "speech", "tiny"]
