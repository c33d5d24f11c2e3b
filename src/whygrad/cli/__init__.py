"""The command line: parses arguments, calls public functions, prints. It is the one room that does."""

from whygrad.cli.app import main

__all__ = ["main"]
