"""Loggers: mirrors of a run's history for people to look at."""
