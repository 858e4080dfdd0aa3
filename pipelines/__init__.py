"""Prefect flows around the graph of `dvc.yaml`: DVC owns graph, hashes and caches, Prefect runs, schedules and logs."""

from pipelines.environment import configure

configure()
