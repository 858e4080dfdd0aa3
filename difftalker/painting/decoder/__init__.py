"""The reference decoder: from the diffusion's result and a few frames of the speaker to pixels."""
