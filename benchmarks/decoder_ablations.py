"""What each part of the reference decoder gives: `python -m benchmarks.decoder_ablations`, in a trained project.

Trains the decoder anew for every variant, on the project's own frames, prior and face network, and paints the test
frames from their detected landmarks. Measures in the crop's pixels, inside the jaw and around the mouth, with the code
of `evaluate`. Prints a row per variant (docs/ablations.md).
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from difftalker.compute.device import seeded, select_device
from difftalker.config import DecoderConfig, load_params
from difftalker.dataset.frames import Dataset, Split
from difftalker.evaluation.metrics.regions import find_face_regions
from difftalker.evaluation.picture_scores import FrameScores, RealFilmScores
from difftalker.painting.decoder.network import ReferenceDecoder
from difftalker.painting.decoder.references import choose_references
from difftalker.painting.decoder.training import generate_lower, measure_grain, train_decoder
from difftalker.painting.diffusion.network import FaceNetwork
from difftalker.painting.diffusion.prior import Prior
from difftalker.painting.synthesis import Synthesiser
from difftalker.project import MODELS

_WHOLE = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)  # the crop is the picture


@dataclass(frozen=True)
class Variant:
    """One row of the table.

    Attributes:
        title: what is left out or changed.
        changes: of the weights in the decoder's parameters.
        references: how many; None: as in the parameters.
        diffusion: False: the decoder sees grey in place of the diffusion's result.
        trained: False: the prior's own decoder paints.
    """

    title: str
    changes: dict[str, Any]
    references: int | None = None
    diffusion: bool = True
    trained: bool = True


VARIANTS = {
    "full": Variant("as in the preset", {}),
    "prior": Variant("the prior's own decoder (`face.decoder: prior`)", {}, trained=False),
    "no_diffusion": Variant("without the diffusion's result", {}, diffusion=False),
    "no_references": Variant("without references", {}, references=0),
    "one_reference": Variant("one reference", {}, references=1),
    "three_references": Variant("three references", {}, references=3),
    "l1": Variant("absolute error alone", {"laplacian_weight": 0.0, "energy_weight": 0.0, "adversarial_weight": 0.0}),
    "no_laplacian": Variant("without the Laplacian loss", {"laplacian_weight": 0.0}),
    "no_energy": Variant("without the energy loss", {"energy_weight": 0.0}),
    "no_adversary": Variant("without the discriminator", {"adversarial_weight": 0.0}),
    "no_noise": Variant("without noise on the landmarks", {"landmark_noise": 0.0}),
}


def main(words: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "variants", nargs="*", metavar="VARIANT", help=f"of {', '.join(VARIANTS)}; all if none is named"
    )
    parser.add_argument("--steps", type=int, help="of training; decoder.train.steps if not given")
    parser.add_argument("--models", type=Path, default=MODELS, help="folder with the prior and the face network")
    arguments = parser.parse_args(words)
    unknown = sorted(set(arguments.variants) - set(VARIANTS))
    if unknown:
        parser.error(f"no such variant: {', '.join(unknown)}")
    print("| | PSNR mouth / jaw | SSIM jaw | sharpness | flicker | grain | seconds |\n|---|---|---|---|---|---|---|")
    bench = _Bench(arguments.models, arguments.steps)
    for name in arguments.variants or VARIANTS:
        print(bench.row(VARIANTS[name]), flush=True)


class _Bench:
    """The project's frames and what the diffusion makes of them."""

    def __init__(self, models: Path, steps: int | None) -> None:
        params = load_params()
        self.config: DecoderConfig = params.decoder
        if steps is not None:
            self.config = replace(self.config, train=replace(self.config.train, steps=steps))
        self.seed, self.device = params.seed, select_device(params.device)
        dataset = Dataset.load("data/processed/dataset.parquet")
        prior = Prior.load(models / "prior")
        network = FaceNetwork.load(models / "face", prior.unet)
        self.synthesiser = Synthesiser(prior, network, params.sampling, self.device)
        splits: tuple[Split, ...] = ("train", "test")
        self.rows = {split: dataset.rows(split) for split in splits}
        self.runs = {
            split: [np.searchsorted(rows, run) for run in dataset.segments(split)] for split, rows in self.rows.items()
        }
        self.crops = {s: dataset.read_crops(rows, Path("data/interim/frames")) for s, rows in self.rows.items()}
        self.landmarks = {split: dataset.landmarks[rows] for split, rows in self.rows.items()}
        self.features = {split: dataset.features[rows] for split, rows in self.rows.items()}
        height = ReferenceDecoder(self.crops["train"].shape[1], 1, 8).height
        with tempfile.TemporaryDirectory() as folder:
            self.generated = np.array(
                generate_lower(self.synthesiser, *self._of("train"), height, Path(folder)), dtype=np.uint8
            )

    def _of(self, split: Split) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return self.crops[split], self.landmarks[split], self.features[split]

    def row(self, variant: Variant) -> str:
        """Train and score one variant."""
        started = time.perf_counter()
        decoder = self._train(variant) if variant.trained else None
        seconds = time.perf_counter() - started
        scores = self._score(decoder, variant.diffusion)
        grain = f"{float(decoder.grain_strength):.2f}" if decoder is not None else ""
        return (
            f"| {variant.title} | {scores['psnr_mouth']:.2f} / {scores['psnr_jaw']:.2f} | {scores['ssim_jaw']:.4f} "
            f"| {scores['sharpness_ratio']:.2f} | {scores['flicker_ratio']:.2f} | {grain} | {seconds:.0f} |"
        )

    def _train(self, variant: Variant) -> ReferenceDecoder:
        config = replace(self.config, **variant.changes)
        crops, landmarks = self.crops["train"], self.landmarks["train"]
        count = config.references if variant.references is None else variant.references
        chosen = choose_references(landmarks, count)[:count]
        with seeded(self.seed):
            network = ReferenceDecoder(crops.shape[1], len(chosen), config.width)
        network.set_references(crops[chosen], landmarks[chosen])
        generated = self.generated if variant.diffusion else np.full_like(self.generated, 128)
        train_decoder(network, crops, generated, landmarks, config, seed=self.seed, device=self.device, checkpoint=None)
        network.eval().requires_grad_(False).to(self.device)
        lack = measure_grain(network, crops, generated, landmarks, self.runs["train"], self.device)
        network.grain_strength.fill_(lack)
        return network

    def _score(self, decoder: ReferenceDecoder | None, diffusion: bool) -> dict[str, float]:
        painter = replace(self.synthesiser, decoder=decoder)
        if not diffusion:
            painter = _WithoutDiffusion(painter.prior, painter.network, painter.config, self.device, decoder)
        size = self.crops["test"].shape[1]
        real = RealFilmScores()
        scores = FrameScores(real)
        for number, run in enumerate(self.runs["test"]):
            for start in range(0, len(run), painter.config.batch_size):
                rows = run[start : start + painter.config.batch_size]
                truth, points, sound = (values[rows] for values in self._of("test"))
                for true, image, face in zip(truth, painter.paint(truth, points, sound), points, strict=True):
                    regions = find_face_regions(face, np.array(_WHOLE), size, true.shape)
                    real.add(true, regions, number)
                    scores.add_frame(true, image, regions, number)
        return scores.means()


class _WithoutDiffusion(Synthesiser):
    """Its decoder sees the grey that it was trained with."""

    def generate(self, crops, landmarks, features):  # type: ignore[no-untyped-def]
        return super().generate(crops, landmarks, features).fill_(128 / 127.5 - 1)


if __name__ == "__main__":
    main()
