"""How what ships with the package is made: the prior (docs/bundled-prior.md), the speech features (docs/speech.md)."""
