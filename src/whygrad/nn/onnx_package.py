"""The package onnx, which is needed only where files of its format are read or written."""

from __future__ import annotations

from typing import Any

from whygrad.errors import UnsupportedError


def onnx_package() -> Any:
    """The package, with the parts that are not imported by themselves; UnsupportedError where it is not installed."""
    try:
        import onnx
        import onnx.checker
        import onnx.helper
        import onnx.inliner
        import onnx.numpy_helper
        import onnx.shape_inference
    except ImportError as error:
        raise UnsupportedError(
            "ONNX files need the package onnx", why=str(error), try_="pip install 'whygrad[onnx]'"
        ) from error
    return onnx
