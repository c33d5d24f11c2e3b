"""The tiles of products: what fits into this processor's registers stays there, and how much a core can do at most."""

import re

import numpy as np
import pytest
from llvmlite import binding as llvm
from llvmlite import ir

from whygrad.jit.native import cpu, matmul
from whygrad.jit.native.compile import optimise
from whygrad.jit.native.cpu import TILE
from whygrad.jit.native.peak import peak
from whygrad.jit.native.short import ShortWriter
from whygrad.jit.native.tile import TURN


def test_every_tile_leaves_registers_for_its_operands_and_has_sums_enough_to_keep_the_units_busy():
    tiles = {cpu.AVX512: 32, cpu.AVX: 16, cpu.NEON: 32, cpu.SSE: 16}
    for tile, registers in (tiles | {wider: tiles[tile] for tile, wider in cpu.WIDER.items()}).items():
        sums = tile.rows * tile.vectors
        assert 8 <= sums <= registers - tile.vectors - 1


def test_the_tile_follows_the_features_of_the_cpu():
    x86, arm = "x86_64-unknown-linux-gnu", "arm64-apple-darwin"
    assert cpu.choose_tile(frozenset({"avx", "avx2", "fma", "avx512f"}), x86) == cpu.AVX512
    assert cpu.choose_tile(frozenset({"avx", "avx2", "fma"}), x86) == cpu.AVX
    assert cpu.choose_tile(frozenset({"sse2"}), x86) == cpu.choose_tile(frozenset(), x86) == cpu.SSE
    assert cpu.choose_tile(frozenset(), arm) == cpu.NEON


def test_where_llvm_can_not_tell_the_features_there_are_none(monkeypatch):
    def unknown():
        raise RuntimeError("no host features")

    assert cpu.host_features()
    monkeypatch.setattr(llvm, "get_host_cpu_features", unknown)
    assert cpu.host_features() == frozenset()


def loops_of(module, name):
    """The text of each innermost loop of a function, as this processor runs it."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    host = llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten()
    machine = llvm.Target.from_default_triple().create_target_machine(*host, opt=3, jit=True)
    native = llvm.parse_assembly(str(module))
    optimise(native, machine)
    text = machine.emit_assembly(native)
    body = re.split(rf'^"?{re.escape(name)}"?:\n', text, flags=re.MULTILINE)[1].split(".size")[0]
    found = re.findall(r"^(\.LBB\w+):\n((?:(?!^\.LBB).*\n)*?)\s+j\w+\s+\1$", body, re.MULTILINE)
    return [loop for _, loop in found]


reads_assembly = pytest.mark.skipif(
    TILE not in (cpu.AVX, cpu.AVX512) or "fma" not in cpu.host_features(), reason="reads this CPU's assembly"
)


@reads_assembly
def test_the_sums_stay_in_registers_while_k_runs():
    module = ir.Module("tile")
    matmul.MatmulWriter(module, ir.FloatType()).tile_of(TILE.rows).linkage = ""
    sums = [loop for loop in loops_of(module, f"whygrad.tile{TILE.rows}.f32") if "vfmadd" in loop]
    assert {loop.count("vfmadd") for loop in sums} == {TILE.rows * TILE.vectors * turn for turn in (1, TURN)}
    for loop in sums:
        assert loop.count("vbroadcast") * TILE.vectors == loop.count("vfmadd")
        assert not re.search(r"^\s+v.*\(%rsp\)", loop, re.MULTILINE)


@reads_assembly
def test_sums_that_fill_the_registers_stay_there_too():
    module, wider, steps = ir.Module("short"), cpu.WIDER[TILE], 32
    made = ShortWriter(module, ir.FloatType()).rows(steps, wider.panel_bytes, (4, 4 * 784), wider.panel_bytes, 416)
    made.linkage = ""
    added = wider.rows * wider.vectors * (steps + 1)  # the last are those to what is there
    (loop,) = [loop for loop in loops_of(module, made.name) if loop.count("vfmadd") == added]
    assert len(re.findall(r"^\s+v.*\(%rsp\)", loop, re.MULTILINE)) <= 1  # the factor of the sums, once they are made


def test_the_peak_of_a_core_is_twice_as_high_for_numbers_of_half_the_size():
    single, double = peak(np.float32, 0.05), peak(np.float64, 0.05)
    assert 1e9 < double < single < 8 * double  # wide limits: the machine's other users take their share when they like
