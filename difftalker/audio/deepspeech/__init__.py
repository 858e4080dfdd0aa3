"""DeepSpeech 0.1.0 as audio features, the protocol of VOCA and AD-NeRF, without TensorFlow."""
