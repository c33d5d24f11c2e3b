"""docs/onnx.md is what the tests find today, and its examples run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

pytestmark = pytest.mark.peers("onnx")

PAGE = Path(__file__).resolve().parents[2] / "docs" / "onnx.md"


@pytest.mark.slow
def test_the_page_is_what_the_tests_find_today() -> None:
    import onnx
    from scripts.make_onnx_table import page

    text = PAGE.read_text()
    if f"onnx {onnx.__version__})" in text:
        assert text == page()
    else:  # another release has other node tests: the operators and their versions stay the same
        rows = r"(?m)^\| (\w+) \| ([\d–, ]+) \|"
        assert re.findall(rows, text) == re.findall(rows, page())


def test_the_examples_on_the_page_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    scope: dict[str, object] = {}
    exec("".join(blocks), scope)
    assert {path.name for path in tmp_path.iterdir()} == {"net.onnx", "judged.onnx"}
    assert "Diagnosis" in type(scope["found"]).__name__
