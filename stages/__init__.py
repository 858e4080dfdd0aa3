"""One thin module per DVC stage: read params and inputs, call `difftalker`, write outputs."""
