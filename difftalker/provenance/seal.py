"""Whether and with what a film is signed: decided before it is painted, done when it is whole."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path

from difftalker.errors import UserError
from difftalker.provenance.credentials import FilmClaims, check_key, credentials_format, sign_film
from difftalker.provenance.signing_key import Signing, SigningKey, signing_key


class FilmSigner:
    """Signs a film.

    Args:
        signing: the user's choice.
        output: the film; its suffix says the container.
        claims: what it is to say.
        video: the base video.
        warn: told of what the user should know.

    Attributes:
        seconds: spent on signing.

    Raises:
        UserError: key or certificate cannot be used, or a certificate was named and the container holds no credentials.
    """

    def __init__(
        self, signing: Signing, output: Path, claims: FilmClaims, video: Path, warn: Callable[[str], None]
    ) -> None:
        self._claims, self._video, self._warn = claims, video, warn
        self._key: SigningKey | None = None
        self._unsigned = ""
        self.seconds = 0.0
        if signing.off:
            self._unsigned = "not signed, as asked for by --no-sign"
        elif credentials_format(output) is None:
            if signing.asked:
                raise UserError(f"{output}: Matroska holds no Content Credentials; name the film .mp4 or .mov")
            self._unsigned = "not signed, as Matroska holds no Content Credentials"
            warn(f"{output}: {self._unsigned}; .mp4 and .mov hold them")
        else:
            self._key = signing_key(signing)
            check_key(self._key)

    def metadata(self, plain: Mapping[str, str]) -> dict[str, str]:
        """A film's plain metadata, which note why it is not signed."""
        return dict(plain) | ({"comment": f"{plain['comment']}; {self._unsigned}"} if self._unsigned else {})

    def __call__(self, path: Path) -> None:
        """Sign a finished film, in place; nothing is done where that is not wanted or not possible."""
        if self._key is not None:
            began = time.perf_counter()
            sign_film(path, self._claims, self._key, self._video, self._warn)
            self.seconds += time.perf_counter() - began
