"""``python -m fsqa``."""

from fsqa.cli import main

main()
