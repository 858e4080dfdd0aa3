"""Pretrained weights that are not part of the package: what they are, where they come from, where they lie."""
