"""Sums of products over named indices: einsum. Its derivative is an einsum again."""

from __future__ import annotations

import math
from string import ascii_letters
from typing import Any

import numpy as np

from whygrad.errors import ArgumentError, ShapeError, UnsupportedError
from whygrad.rules.define import Value, at, define, refuse, spells
from whygrad.rules.linear import given
from whygrad.rules.shapes import broadcast, reshape
from whygrad.rules.sums import shape

# Products from which NumPy's search for BLAS calls pays for itself: it costs 12 µs, and 27,000 products in plain loops also
# take 12 µs; at 1,000,000 the plan is 7 times as fast.
WORTH_PLANNING = 50_000


def _forward(*xs: Value, subscripts: str, optimize: Any = None) -> Value:
    if optimize is None:
        lengths = {label: n for term, x in zip(_terms(subscripts)[0], xs, strict=True) for label, n in zip(term, np.shape(x), strict=True)}
        optimize = len(xs) > 1 and math.prod(lengths.values()) > WORTH_PLANNING
    return np.einsum(subscripts, *xs, optimize=optimize)


def _terms(subscripts: str) -> tuple[list[str], str]:
    inputs, _, output = subscripts.partition("->")
    return inputs.split(","), output


def _pull(g: Value, out: Value, *xs: Value, subscripts: str, optimize: Any = None, arg: int) -> Value:
    """g takes the place of the operand, and the operand's indices become the output's."""
    terms, output = _terms(subscripts)
    own, others = terms[arg], terms[:arg] + terms[arg + 1:]
    labels = "".join(dict.fromkeys(own))
    known = "".join(label for label in labels if label in output or any(label in term for term in others))
    flow = einsum_rule(g, *xs[:arg], *xs[arg + 1:], subscripts=f"{','.join([output, *others])}->{known}")
    # An index of this operand alone was summed over: every number along it gets the same. An index of length 1 that was
    # stretched needs nothing here, because the sweep adds the copies up.
    lengths = dict(zip(own, shape(xs[arg]), strict=True))
    arrived = dict(zip(known, shape(flow), strict=True))
    spread = tuple(lengths[label] if arrived.get(label, 1) == 1 else arrived[label] for label in labels)
    if known != labels:
        flow = reshape(flow, shape=tuple(arrived.get(label, 1) for label in labels))
    if shape(flow) != spread:
        flow = broadcast(flow, shape=spread)
    return flow if labels == own else _on_diagonal(flow, labels, own, g.dtype)


def _on_diagonal(x: Value, labels: str, own: str, dtype: Any) -> Value:
    """Undo the reading of a diagonal: x with indices "i" becomes "ii", zero off the diagonal."""
    fresh = (letter for letter in ascii_letters if letter not in own)
    spelled, masks, seen = "", [], set()
    for label in own:
        letter = label if label not in seen else next(fresh)
        if label in seen:
            masks.append((label + letter, np.eye(shape(x)[labels.index(label)], dtype=dtype)))
        seen.add(label)
        spelled += letter
    pairs, eyes = zip(*masks, strict=True)
    return einsum_rule(x, *eyes, subscripts=f"{','.join([labels, *pairs])}->{spelled}")


einsum_rule = define("einsum", "*xs", _forward,
    pulls=(_pull,),
    linear="each",
    written=r"\mathrm{{einsum}}({xs})",
    because=("each factor is scaled by all the others, collected over the indices it does not have",),
    tested_at=(at((2, 3), (3, 4), subscripts="ij,jk->ik"), at((2, 3), subscripts="ij->j"), at((3, 3), subscripts="ii->i"),
               at((3, 3), (3,), subscripts="ii,k->ik"), at((2, 3), (4,), subscripts="ij,k->k"), at((2, 2, 2), subscripts="iii->"),
               at((2, 3), (3, 4), (4, 2), subscripts="ij,jk,kl->il", optimize=True), at((1, 3), (2, 3), subscripts="ij,ij->"),
               at((3, 3, 2), (2, 3), subscripts="iij,ji->ij"), at((3,), (), subscripts="i,->i"), at((40, 40), (40, 40), subscripts="ij,jk->ik")))


@spells(np.einsum)
def einsum(*operands: Any, out: None = None, optimize: Any = None, dtype: None = None, order: Any = "K", casting: Any = "safe") -> Value:
    """``numpy.einsum("ij,jk->ik", a, b)``; repeated indices, ``...`` and an implicit output mean what they mean there.

    Without ``optimize=``, NumPy's own plan (and with it BLAS) is used where it is worth planning. Index lists instead of
    a text, ``out=`` and ``dtype=`` are refused.
    """
    refuse("einsum", out=out, dtype=dtype)
    if not operands or not isinstance(operands[0], str):
        raise UnsupportedError("np.einsum with lists of index numbers has no gradient rule", try_="the indices as text: np.einsum('ij,jk->ik', a, b)")
    xs = [given(x) for x in operands[1:]]
    subscripts = spelled_out(operands[0], [shape(x) for x in xs])
    return einsum_rule(*xs, subscripts=subscripts, **({} if optimize in (None, False) else {"optimize": optimize}))


def spelled_out(subscripts: str, shapes: list[tuple[int, ...]]) -> str:
    """Subscripts with an explicit output and a letter for every axis behind ``...``, checked against the operands' shapes."""
    text = subscripts.replace(" ", "")
    terms, output = _terms(text)
    if len(terms) != len(shapes):
        raise ArgumentError(f"np.einsum({subscripts!r}) names {len(terms)} operand(s) and was given {len(shapes)}")
    unnamed = [len(s) - len(term.replace("...", "")) if "..." in term else 0 for term, s in zip(terms, shapes, strict=True)]
    dots = "".join([letter for letter in ascii_letters if letter not in text][:max(0, *unnamed)] if unnamed else [])
    terms = [term.replace("...", dots[len(dots) - n:] if n > 0 else "") for term, n in zip(terms, unnamed, strict=True)]
    if "->" not in text:
        used = "".join(terms)
        output = "..." + "".join(sorted(label for label in set(used) if used.count(label) == 1 and label not in dots))
    if dots and "..." not in output:
        raise ArgumentError(f"np.einsum({subscripts!r}) leaves the axes behind '...' out of its output", try_="'...' after the arrow too")
    output = output.replace("...", dots)
    _check_lengths(subscripts, terms, output, shapes)
    return ",".join(terms) + "->" + output


def _check_lengths(subscripts: str, terms: list[str], output: str, shapes: list[tuple[int, ...]]) -> None:
    """One length per label (or 1, which stretches), and no label in the output that no operand has."""
    lengths: dict[str, tuple[int, int]] = {}
    for number, (term, s) in enumerate(zip(terms, shapes, strict=True)):
        if len(term) != len(s):
            raise ShapeError(f"np.einsum({subscripts!r}): operand {number} has shape {s}, but its subscripts name {len(term)} axes")
        for label, n in zip(term, s, strict=True):
            before, owner = lengths.get(label, (1, number))
            if n != before and ((owner == number and label in lengths) or 1 not in (n, before)):
                raise ShapeError(f"np.einsum({subscripts!r}): index {label!r} has length {before} in operand {owner}, "
                                 f"of shape {shapes[owner]}, and {n} in operand {number}, of shape {s}")
            if label not in lengths or n != 1:
                lengths[label] = (n, number)
    unknown = [label for label in output if label not in lengths]
    if unknown or len(set(output)) < len(output):
        raise ArgumentError(f"np.einsum({subscripts!r}): every index after the arrow stands there once, and in some operand too")
