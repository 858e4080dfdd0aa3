"""Parameters of how a trained face is measured and when it is promoted."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator
from pydantic.dataclasses import dataclass

from difftalker.config.fields import STRICT, NonNegative, Share
from difftalker.config.networks import TrainConfig


@dataclass(frozen=True, config=STRICT)
class FilmsConfig:
    """Measured films.

    Seconds of each kind at most, shared among the recordings; 0 makes none (docs/evaluation.md).
    """

    own: Annotated[
        NonNegative,
        Field(description="Held-out speech over its own pictures, from completed and from detected landmarks."),
    ]
    driven: Annotated[NonNegative, Field(description="Held-out speech over pictures of the training part.")]
    voice: Annotated[NonNegative, Field(description="The same in another voice.")]


@dataclass(frozen=True, config=STRICT)
class SyncNetConfig:
    """Sync expert of LSE-D and LSE-C."""

    source: Annotated[
        Literal["train", "official"],
        Field(
            description="A small SyncNet trained on the training split, or the published one (docs/weights.md), which "
            "needs `video.fps` 25."
        ),
    ]
    crop: Annotated[
        Literal["pipeline", "face_track", "lrs"],
        Field(
            description="How faces are cut for it (docs/evaluation.md). The trained one needs `pipeline`; published "
            "figures are of `face_track`."
        ),
    ]
    train: TrainConfig

    @model_validator(mode="after")
    def _crop_is_known(self) -> SyncNetConfig:
        if self.source == "train" and self.crop != "pipeline":
            raise ValueError(f"crop {self.crop!r} is for source 'official'; the trained expert needs crop 'pipeline'")
        return self


@dataclass(frozen=True, config=STRICT)
class PromotionConfig:
    """Promotion.

    How much worse than the champion a face may be that replaces it (docs/operations.md).
    """

    ld: Annotated[NonNegative, Field(description="LD, as a share of the champion's: 0.05 is 5 %.")]
    lse_d: Annotated[NonNegative, Field(description="The same for LSE-D.")]
    closure: Annotated[NonNegative, Field(description="Share of the speaker's closures that the film misses.")]
    opening: Annotated[
        NonNegative, Field(description="Distance from 1 of the slope of the mouth's opening over the speaker's.")
    ]
    sharpness: Annotated[NonNegative, Field(description="The same for the mouth's sharpness over the footage's.")]
    undetected: Annotated[Share, Field(description="Share of frames without a painted face.")]
