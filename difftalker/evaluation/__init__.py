"""Scoring of generated test frames beside simple reference rows."""
