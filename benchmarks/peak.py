"""The machine's own peak: fused multiply-adds on registers, on all cores at once. ``python -m benchmarks.peak``.

Twelve independent vectors per core hide the latency of the units. Without llvmlite, the best that NumPy's BLAS does.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import threading
import time
from collections.abc import Callable

import numpy as np

from benchmarks.machine import cores

VECTORS, PASSES = 12, 8  # independent accumulators; times that the loop's body holds them
LOOPS = 1_000_000  # some 20 ms


def kernel_text(width: int) -> str:
    """LLVM's text of ``float peak(i64 loops)`` for vectors of so many float32."""
    vector = f"<{width} x float>"
    lines = [f"declare {vector} @llvm.fma.v{width}f32({vector}, {vector}, {vector})",
             "define float @peak(i64 %loops, float %seed) {", "entry:",
             f"  %s = insertelement {vector} poison, float %seed, i32 0",
             f"  %f = shufflevector {vector} %s, {vector} poison, <{width} x i32> zeroinitializer",
             "  br label %body", "body:", "  %i = phi i64 [ 0, %entry ], [ %next, %body ]"]
    lines += [f"  %v{k}.0 = phi {vector} [ %f, %entry ], [ %v{k}.{PASSES}, %body ]" for k in range(VECTORS)]
    lines += [f"  %v{k}.{p + 1} = call {vector} @llvm.fma.v{width}f32({vector} %v{k}.{p}, {vector} %f, {vector} %f)"
              for p in range(PASSES) for k in range(VECTORS)]
    lines += ["  %next = add i64 %i, 1", "  %more = icmp ult i64 %next, %loops",
              "  br i1 %more, label %body, label %done", "done:", f"  %t0 = fadd {vector} %v0.{PASSES}, %v0.{PASSES}"]
    lines += [f"  %t{k} = fadd {vector} %t{k - 1}, %v{k}.{PASSES}" for k in range(1, VECTORS)]
    lines += [f"  %r = extractelement {vector} %t{VECTORS - 1}, i32 0", "  ret float %r", "}"]
    return "\n".join(lines)


def compiled() -> tuple[Callable[[int, float], float], int]:
    """The loop as a C function that runs without Python's lock, and its vectors' width."""
    import llvmlite.binding as llvm

    with contextlib.suppress(RuntimeError):  # newer llvmlite does it by itself
        llvm.initialize()
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    features = llvm.get_host_cpu_features()
    width = 16 if features.get("avx512f") else 8 if features.get("avx2") else 4
    machine = llvm.Target.from_default_triple().create_target_machine(
        cpu=llvm.get_host_cpu_name(), features=features.flatten(), opt=3)
    module = llvm.parse_assembly(kernel_text(width))
    engine = llvm.create_mcjit_compiler(module, machine)
    engine.finalize_object()
    function = ctypes.CFUNCTYPE(ctypes.c_float, ctypes.c_int64, ctypes.c_float)(engine.get_function_address("peak"))
    function.engine = engine  # type: ignore[attr-defined]  # the code lives as long as its engine
    return function, width


def by_multiply_add(rounds: int = 20) -> float:
    """GFLOP/s of float32 on all cores: the best round."""
    function, width = compiled()
    best, workers = 0.0, cores()
    for _ in range(rounds):
        threads = [threading.Thread(target=function, args=(LOOPS, 0.5)) for _ in range(workers)]
        start = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        best = max(best, 2.0 * workers * LOOPS * VECTORS * PASSES * width / (time.perf_counter() - start) / 1e9)
    return best


def by_blas(rounds: int = 5) -> float:
    """GFLOP/s of NumPy's float32 matrix product, the best of several sizes."""
    best = 0.0
    for n in (256, 512, 1024, 2048):
        a = np.random.default_rng(0).random((n, n), dtype=np.float32)
        for _ in range(rounds):
            start = time.perf_counter()
            a @ a
            best = max(best, 2.0 * n**3 / (time.perf_counter() - start) / 1e9)
    return best


def measure() -> dict[str, float | str]:
    """The peak, how it was measured, and NumPy's best beside it."""
    blas = by_blas()
    try:
        own = by_multiply_add()
    except (ImportError, RuntimeError, OSError):
        own = 0.0
    how = "fused multiply-adds on registers, all cores" if own >= blas else "NumPy's matrix product"
    return {"gflops": max(own, blas), "how": how, "numpy_matmul_gflops": blas}


if __name__ == "__main__":
    print(json.dumps(measure()))
