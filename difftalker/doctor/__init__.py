"""Is footage fit for training? Measurements, an estimate of the sound's delay, and verdicts."""
