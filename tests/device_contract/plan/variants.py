"""The kernels of every processor, called past the door: those that the extension holds and this machine can run."""

import ctypes

import numpy as np
from numpy.typing import NDArray

from device_contract.plan import scorer

_LIBRARY = ctypes.CDLL(scorer.__file__)
_POINTER = ctypes.c_void_p
_SCORE = ctypes.CFUNCTYPE(None, _POINTER, _POINTER, _POINTER, _POINTER)
_SCORE_ROWS = ctypes.CFUNCTYPE(None, _POINTER, _POINTER, _POINTER, ctypes.c_size_t, _POINTER, _POINTER)


class Kernels(ctypes.Structure):
    """``leeway_kernels`` of ``kernels.h``."""

    _fields_ = (
        ("name", ctypes.c_char_p),
        ("score", _SCORE),
        ("score_rows", _SCORE_ROWS),
        ("explain_trees", _POINTER),
        ("explain_trees_rows", _POINTER),
    )


_LIBRARY.leeway_kernels_of.restype = ctypes.POINTER(Kernels)
for _size in ("workspace", "block_workspace", "batch_tables", "explain_scratch", "explain_tables", "explain_workspace"):
    getattr(_LIBRARY, f"leeway_plan_{_size}_bytes").restype = ctypes.c_size_t


def available() -> dict[str, Kernels]:
    """Return what this machine can run, by name."""
    found = (_LIBRARY.leeway_kernels_of(level) for level in range(3))
    return {kernels.contents.name.decode(): kernels.contents for kernels in found if kernels}


def memory(n_bytes: int) -> NDArray[np.uint8]:
    """Return memory that starts at a multiple of 64, full of what is no sensible number."""
    room = np.full(n_bytes + 64, 0xA5, np.uint8)
    return room[-room.ctypes.data % 64 :][:n_bytes]


def place(plan: bytes) -> NDArray[np.uint8]:
    """Return a copy of a plan where kernels may read it."""
    placed = memory(len(plan))
    placed[:] = np.frombuffer(plan, np.uint8)
    return placed


def score_each(
    kernels: Kernels, plan: NDArray[np.uint8], rows: NDArray[np.float32], n_outputs: int
) -> NDArray[np.float64]:
    """Score row by row."""
    workspace = memory(_LIBRARY.leeway_plan_workspace_bytes(_POINTER(plan.ctypes.data)))
    scores = np.empty((len(rows), n_outputs))
    for row, score in zip(rows, scores, strict=True):
        kernels.score(plan.ctypes.data, row.ctypes.data, workspace.ctypes.data, score.ctypes.data)
    return scores


def score_block(
    kernels: Kernels, plan: NDArray[np.uint8], rows: NDArray[np.float32], n_outputs: int
) -> NDArray[np.float64]:
    """Score all rows in one call."""
    address = _POINTER(plan.ctypes.data)
    workspace = memory(_LIBRARY.leeway_plan_block_workspace_bytes(address))
    tables = memory(_LIBRARY.leeway_plan_batch_tables_bytes(address))
    _LIBRARY.leeway_plan_make_batch_tables(address, _POINTER(tables.ctypes.data))
    scores = np.empty((len(rows), n_outputs))
    kernels.score_rows(
        plan.ctypes.data, tables.ctypes.data, rows.ctypes.data, len(rows), workspace.ctypes.data, scores.ctypes.data
    )
    return scores


def explain_tables(plan: NDArray[np.uint8]) -> NDArray[np.uint8] | None:
    """Make what explains fast; None where there is nothing to make."""
    address = _POINTER(plan.ctypes.data)
    scratch = memory(_LIBRARY.leeway_plan_explain_scratch_bytes(address))
    n_bytes = _LIBRARY.leeway_plan_explain_tables_bytes(address, _POINTER(scratch.ctypes.data))
    if n_bytes == 0:
        return None
    tables = memory(n_bytes)
    _LIBRARY.leeway_plan_make_explain_tables(address, _POINTER(scratch.ctypes.data), _POINTER(tables.ctypes.data))
    return tables


def explain(
    kernels: Kernels,
    plan: NDArray[np.uint8],
    tables: NDArray[np.uint8] | None,
    rows: NDArray[np.float32],
    *,
    together: bool,
) -> NDArray[np.float64]:
    """Explain rows in one call or row by row: (n_rows, n_features + 1, explained scores)."""
    address = _POINTER(plan.ctypes.data)
    given = (ctypes.byref(kernels), address, _POINTER(tables.ctypes.data if tables is not None else None))
    width = _LIBRARY.leeway_plan_explained_scores(address)
    out = np.empty((len(rows), rows.shape[1] + 1, width))
    if together:
        workspace = memory(_LIBRARY.leeway_plan_explain_workspace_bytes(given[2]))
        room = (_POINTER(workspace.ctypes.data), _POINTER(out.ctypes.data))
        _LIBRARY.leeway_plan_explain_rows(*given, _POINTER(rows.ctypes.data), ctypes.c_size_t(len(rows)), *room)
        return out
    for row, contributions in zip(rows, out, strict=True):
        _LIBRARY.leeway_plan_explain(*given, _POINTER(row.ctypes.data), _POINTER(contributions.ctypes.data))
    return out
