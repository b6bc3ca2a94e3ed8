"""Races between fsqa and its peers, each in one run on one machine: ``python -m benchmarks --help``."""
