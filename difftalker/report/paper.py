"""Figures of the paper that the report quotes beside ours."""

from __future__ import annotations

PAPER_SETTING = (
    "Quoted figures are those printed in the paper: Obama’s weekly addresses, about 1,000 test frames of 512 px, "
    "Stable Diffusion 1.5, DeepSpeech features. None of them was measured here."
)

_LSE = "Table 1. The paper names neither the sync expert nor the crop rule; LSE is defined with the published SyncNet."

# How the paper took each measure that it gives figures of.
PAPER_PROTOCOLS = {
    "landmark_distance": "Section 3.3: average Euclidean distance of the normalised results; by what is not stated.",
    "ld": "Table 1: distance between predicted and true landmarks; detector and normalisation are not stated.",
    "psnr": "Table 1: frames of 512 px; the region is not stated.",
    "ssim": "Table 1: frames of 512 px; region and window are not stated.",
    "lse_d": _LSE,
    "lse_c": _LSE,
}

# Table 1, and section 3.3 for the landmark distance. The digits are those printed.
PAPER_ROWS: dict[str, dict[str, str]] = {
    "Wav2Lip": {"lse_d": "7.83", "lse_c": "7.81"},
    "MakeItTalk": {"lse_d": "9.08", "lse_c": "5.88"},
    "DAE-Talker": {"lse_d": "6.98", "lse_c": "9.25"},
    "DiffTalker, audio instead of landmarks (Ours¹)": {
        "lse_d": "10.00",
        "lse_c": "5.04",
        "ld": "0.102",
        "psnr": "15.56",
        "ssim": "0.67",
    },
    "DiffTalker (Ours²)": {
        "lse_d": "6.82",
        "lse_c": "9.01",
        "ld": "0.004",
        "psnr": "24.31",
        "ssim": "0.94",
        "landmark_distance": "0.002",
    },
    "DiffTalker without AM-Trans": {"landmark_distance": "0.005"},
}
