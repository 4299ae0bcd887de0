"""The results page: a summary against the requirements, then every figure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from benchmarks.figures import BATCHES, Measured, Run, Scored
from benchmarks.models import Workload

OURS = "Leeway, plan"
RUNTIME = "onnxruntime, IO binding"
_AHEAD = 2.0
"""How many times as fast as the best other peer one row has to be."""

_HEAD = """# How fast models are scored

`python -m benchmarks.scoring`, one thread each, called from Python. All contenders take turns in one process for each
model; a figure is the median over rounds of the processor's time, so that other work on the machine does not count.
Peers get every help: their rows are converted, bound or made a matrix of beforehand, room for scores is there, and
with IO binding no score is read out. Ours takes numpy's row as it is and gives Python floats back. Rows are distinct
and none was trained with. What a code generator writes is compiled by gcc -O2, if that takes at most ten minutes.
"""


@dataclass(frozen=True)
class Requirement:
    """One requirement on a model.

    Attributes:
        what: What is compared.
        ratio: How many times as fast ours is; None without a plan.
        required: How many it has to be.
    """

    what: str
    ratio: float | None
    required: float

    @property
    def met(self) -> bool:
        """Whether it holds."""
        return self.ratio is not None and self.ratio >= self.required


def requirements(measured: Measured, required: float) -> list[Requirement]:
    """Hold a model's figures to what is required: of one row, then of each size of batch."""
    by_name = {scored.scorer: scored for scored in measured.scored}
    ours = by_name.pop(OURS, None)
    others = {name: scored for name, scored in by_name.items() if not name.startswith("onnxruntime")}
    found = [_one_row(ours, {RUNTIME: by_name[RUNTIME]}, required)]
    if others:
        found.append(_one_row(ours, others, _AHEAD))
    for size in BATCHES:
        best = max(by_name.values(), key=lambda scored: scored.rows_per_s[size])
        ratio = ours.rows_per_s[size] / best.rows_per_s[size] if ours else None
        found.append(Requirement(f"batches of {size:,} against {best.scorer}", ratio, 1.0))
    return found


def _one_row(ours: Scored | None, peers: Mapping[str, Scored], required: float) -> Requirement:
    best = min(peers.values(), key=lambda scored: scored.row_us)
    return Requirement(f"one row against {best.scorer}", best.row_us / ours.row_us if ours else None, required)


def missed(run: Run, workloads: Mapping[str, Workload]) -> list[str]:
    """Name the requirements that are not met."""
    return [
        f"{letter}: {requirement.what}"
        for letter, measured in run.models.items()
        for requirement in requirements(measured, workloads[letter].required)
        if not requirement.met
    ]


def render(run: Run, workloads: Mapping[str, Workload]) -> str:
    """Write the page, in Markdown."""
    versions = ", ".join(f"{name} {number}" for name, number in run.versions.items())
    parts = [_HEAD, f"{run.machine}; {versions}.\n", "![Time of one row and rows a second](scoring.svg)\n"]
    parts += ["## Against the requirements\n", *_summary(run, workloads), ""]
    for letter, measured in run.models.items():
        parts += [f"## {letter}: {workloads[letter].name}\n", *_table(measured), ""]
    return "\n".join(parts)


def _summary(run: Run, workloads: Mapping[str, Workload]) -> Iterator[str]:
    yield "How many times as fast a plan is, and how many are required.\n"
    yield "| model | what | times | at least | |"
    yield "|---|---|---|---|---|"
    for letter, measured in run.models.items():
        for requirement in requirements(measured, workloads[letter].required):
            ratio = "no plan" if requirement.ratio is None else f"{requirement.ratio:.3g}"
            verdict = "met" if requirement.met else "**missed**"
            yield f"| {letter} | {requirement.what} | {ratio} | {requirement.required:g} | {verdict} |"


def _table(measured: Measured) -> Iterator[str]:
    sizes = " | ".join(f"rows/s at {size:,}" for size in BATCHES)
    yield f"| scorer | one row, us | {sizes} | largest difference from {measured.reference} | other labels |"
    yield f"|---|---|{'---|' * len(BATCHES)}---|---|"
    for scored in measured.scored:
        rates = " | ".join(_rate(scored.rows_per_s[size]) for size in BATCHES)
        labels = "" if scored.mismatches is None else scored.mismatches
        yield f"| {scored.scorer} | {scored.row_us:.3g} | {rates} | {scored.max_difference:.1e} | {labels} |"
    if measured.absent:
        yield "\nNot measured: " + "; ".join(f"{absent.scorer} ({absent.reason})" for absent in measured.absent) + "."


def _rate(rows_per_s: float) -> str:
    """Write a rate in three digits: 36.4M, 153k."""
    if rows_per_s >= 999_500:  # noqa: PLR2004  (three digits of thousands end here)
        return f"{rows_per_s / 1e6:.3g}M"
    return f"{rows_per_s / 1e3:.3g}k"
