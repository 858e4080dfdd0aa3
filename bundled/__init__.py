"""How the speech features that ship with the package are made (docs/speech.md)."""
