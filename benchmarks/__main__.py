"""Run every benchmark and print its table."""

from __future__ import annotations

from benchmarks import engine, explaining, sigma_prime

if __name__ == "__main__":
    print(engine.run(), sigma_prime.run(), explaining.run(), sep="\n\n")
