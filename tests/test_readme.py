"""README.md shows what really happens: its code runs, its outputs and its picture are made again and compared."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from scripts.make_readme import BLOCK, IMAGES, README, filled_in, pictures

import whygrad as wg

ROOT = Path(__file__).resolve().parents[1]
TEXT = README.read_text(encoding="utf-8")


def test_every_output_in_the_readme_is_what_its_code_prints():
    assert filled_in(TEXT) == TEXT, "run: python scripts/make_readme.py"


def test_every_python_block_shows_its_output():
    assert all(found["printed"] for found in BLOCK.finditer(TEXT))
    assert len(BLOCK.findall(TEXT)) == TEXT.count("```python")


def test_the_first_example_prints_the_same_when_it_is_saved_and_run(tmp_path):
    found = BLOCK.search(TEXT)
    file = tmp_path / "neuron.py"
    file.write_text(found["code"], encoding="utf-8")
    ran = subprocess.run([sys.executable, file], capture_output=True, text=True, check=True, cwd=tmp_path,
                         env={"PYTHONPATH": str(ROOT / "src"), "PYTHONUTF8": "1"})  # fmt: skip
    assert ran.stdout.rstrip() == found["printed"].rstrip()


@pytest.mark.parametrize("name", ["neuron.svg"])
def test_every_picture_is_the_one_that_is_drawn_now(name):
    assert (IMAGES / name).read_text(encoding="utf-8") == pictures()[name], "run: python scripts/make_readme.py"


def test_every_name_that_the_readme_mentions_exists():
    assert not {name for name in re.findall(r"\bwg\.(\w+)", TEXT) if not hasattr(wg, name)}
    assert not {name for name in re.findall(r"`net\.(\w+)", TEXT) if not hasattr(wg.Network, name)}


def test_every_file_that_the_readme_links_to_exists():
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", TEXT) if "://" not in link]
    assert links
    assert not [link for link in links if not (ROOT / link).exists()]


def test_every_make_target_and_command_that_the_readme_mentions_exists():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert all(re.search(rf"^{target}:", makefile, re.MULTILINE) for target in re.findall(r"make (\w+) +#", TEXT))
    commands = set(re.findall(r"(?:^|/)whygrad (\w+)", TEXT, re.MULTILINE))
    for command in sorted(commands):
        subprocess.run([sys.executable, "-m", "whygrad", command, "--help"], capture_output=True, check=True,
                       env={"PYTHONPATH": str(ROOT / "src")})  # fmt: skip
