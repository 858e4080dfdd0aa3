"""The rows of `python -m benchmarks.bench`: one module each, with the same names in all (`benchmarks.bench.Row`)."""
