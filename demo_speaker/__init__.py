"""The synthetic demo speaker: a still portrait made to talk, so that the pipeline runs without footage."""
