"""Figures of the paper that the report quotes beside ours."""

from __future__ import annotations

PAPER_KEYS = ("landmark_distance", "ld", "psnr", "ssim", "lse_d", "lse_c")

# Table 1, section 3.3 (landmark distance). Obama's weekly addresses, about 1,000 test frames of 512 px; LSE with the
# official SyncNet; the paper leaves the crop rule and LD's normalisation open. The digits are those printed.
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
