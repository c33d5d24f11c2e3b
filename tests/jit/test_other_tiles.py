"""Which products a program calls depends on the processor: their tests run with the tiles of other processors, too."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from whygrad.jit.native import cpu

ROOT = Path(__file__).resolve().parents[2]
TILES = {"AVX512": cpu.AVX512, "AVX": cpu.AVX, "NEON": cpu.NEON, "SSE": cpu.SSE}
OTHERS = [name for name, tile in TILES.items() if tile != cpu.TILE]
TESTS = "tests/jit/test_loop.py", "tests/jit/test_matmul.py", "tests/nn/test_any_network.py"
LEFT_OUT = "not picked_rows and not sums_of_few and not asked_for_ahead and not any_networks_steps"  # long to compile


def run_with(tile, cache, *arguments):
    """Tests in a process of their own, whose programs are those of a processor with this tile."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "tests.jit.other_tile", "-p", "no:cacheprovider", *arguments]
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=400, check=False,
        env=os.environ | {"WHYGRAD_TEST_TILE": tile, "WHYGRAD_CACHE": str(cache), "PYTHONPATH": str(ROOT)},
    )


@pytest.mark.slow
@pytest.mark.parametrize("tile", OTHERS)
def test_products_and_training_loops_are_right_with_the_tiles_of_other_processors(tile, tmp_path):
    run = run_with(tile, tmp_path, *TESTS, "-k", LEFT_OUT)
    assert run.returncode == 0, run.stdout[-4000:] + run.stderr[-2000:]
    assert " passed" in run.stdout


def test_the_programs_really_are_those_of_another_processor(tmp_path):
    (tmp_path / "test_tile_is.py").write_text(
        "from whygrad.jit.native import cpu, matmul, tile\n\n\ndef test_it():\n"
        f"    assert cpu.TILE == tile.TILE == cpu.{OTHERS[0]}\n    assert matmul.PANEL == cpu.{OTHERS[0]}.panel_bytes\n"
    )
    run = run_with(OTHERS[0], tmp_path, str(tmp_path / "test_tile_is.py"))
    assert run.returncode == 0, run.stdout[-4000:] + run.stderr[-2000:]
    assert "1 passed" in run.stdout
