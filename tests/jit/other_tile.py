"""A pytest plugin: the tests run as on a processor with other registers, whose tile WHYGRAD_TEST_TILE names."""

import os

from whygrad.jit.native import cpu


def pytest_configure():
    cpu.TILE = getattr(cpu, os.environ["WHYGRAD_TEST_TILE"])  # before any test's module reads it
