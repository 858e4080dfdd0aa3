"""DiffTalker: person-specific talking faces from a few minutes of video."""
