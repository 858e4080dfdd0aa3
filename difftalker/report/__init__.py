"""The self-contained HTML page about one run of the pipeline."""
