"""Speech features: the first layers of Whisper tiny.en, projected to 29 components."""
