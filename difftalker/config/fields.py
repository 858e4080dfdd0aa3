"""Kinds of values in `params.yaml`."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

STRICT = ConfigDict(extra="forbid", strict=True)

Device = Literal["auto", "cpu", "cuda", "mps"]
Positive = Annotated[int, Field(gt=0)]
Fraction = Annotated[float, Field(gt=0.0, lt=1.0)]
NonNegative = Annotated[float, Field(ge=0.0)]
Share = Annotated[float, Field(ge=0.0, le=1.0)]
Decay = Annotated[float, Field(ge=0.0, lt=1.0)]
LandmarkNoise = Annotated[float, Field(ge=0.0, le=0.1)]
Channels = Annotated[list[Positive], Field(min_length=1)]
Text = Annotated[str, Field(min_length=1)]
# The title of a kind of text is how docs/parameters.md calls it.
Hash = Annotated[str, Field(pattern=r"^(sha256:[0-9a-f]{64}|sha1:[0-9a-f]{40})$", title="hash")]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$", title="name")]
