"""Made-up figures of a run."""

from typing import Any

METRICS: dict[str, Any] = {
    "landmark_distance": 0.0031,
    "ld": 0.0052,
    "ld_mouth": 0.0061,
    "psnr": 31.25,
    "ssim": 0.9612,
    "lse_d": 0.71,
    "lse_c": 0.42,
    "sync_offset": 0,
    "sharpness_ratio": 0.74,
    "jitter_ratio": 0.9,
    "test_frames": 45,
    "test_recordings": 2,
    "protocol": {
        "crop": "64 px face crop, 1.7 face widths a side",
        "detector": "attention mesh (MediaPipe), 68 points",
        "fps": "25",
        "sync_expert": "a small SyncNet",
        "sync_crop": "the face crop of the pipeline",
    },
    "reference": {
        "ground_truth": {"ld": 0.0, "ssim": 1.0, "lse_d": 0.66, "lse_c": 0.5, "sync_offset": 0},
        "mean_mouth": {"landmark_distance": 0.009, "ld": 0.0098, "psnr": 28.0, "ssim": 0.95, "lse_d": 1.1},
        "nearest_audio": {"landmark_distance": 0.002, "ld": 0.0099, "psnr": 33.0, "ssim": 0.97, "lse_d": 0.9},
    },
}
