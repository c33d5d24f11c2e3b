"""The whole page as one text: it needs no script, no network and no other file."""

from __future__ import annotations

from html import escape
from importlib.metadata import PackageNotFoundError, version

from whygrad.report import closely, sections
from whygrad.report.findings import Findings
from whygrad.report.style import STYLE

MNIST = "The digits are MNIST's, by Yann LeCun, Corinna Cortes and Christopher J. C. Burges (CC BY-SA 3.0)."


def page(found: Findings) -> str:
    """The report on a trained network."""
    parts = (
        sections.header,
        sections.curves,
        sections.confusion,
        sections.answers,
        sections.speeds,
        closely.derivation,
        closely.equations,
        closely.demon,
    )
    source = f" {MNIST}" if found.judged.called in ("MNIST", "whygrad's digits") else ""
    footer = f"<footer>Made by {made_by()}.{source}</footer>"
    return document(f"whygrad: {found.accuracy:.1%} right", "".join(part(found) for part in parts) + footer)


def document(title: str, body: str) -> str:
    """A complete HTML document."""
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"<style>{STYLE}</style></head><body><main>{body}</main></body></html>\n"
    )


def made_by() -> str:
    """``whygrad`` and its version."""
    try:
        return f"whygrad {version('whygrad')}"
    except PackageNotFoundError:  # run from a checkout that was not installed
        return "whygrad"
