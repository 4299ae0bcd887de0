"""What the commands show: short tables for people, JSON for programs."""

import msgspec
from rich.console import Console
from rich.table import Column, Table

from compiler.benchmark import ArtifactBench, BenchReport
from compiler.checks import Figure
from compiler.compile_report import CompileReport, Variant
from compiler.explanation import Explanation
from compiler.model_card import feature_range, frame_in_words
from compiler.parity import ParityResult
from device_contract.bundle import Bundle
from device_contract.frames import Frame
from device_contract.manifest import Manifest

_MIB = 1 << 20
_SHOWN_FEATURES = 50


def show_compiled(console: Console, done: CompileReport) -> None:
    """Show what a compilation made: artifacts, parity, what they need, files, notes. Nothing if it made nothing."""
    for check in done.checks:
        if check.name == "quantize" and check.figures:
            _show_quantization(console, check.figures)
    made = [variant for variant in done.variants if variant.bundle]
    if not made:
        return
    numbers = [Column(name, justify="right") for name in ("bytes", "rows", "difference", "memory", "p99")]
    table = Table(Column("profile", no_wrap=True), "artifact", *numbers, box=None, padding=(0, 1))
    for variant in made:
        for cells in _artifact_cells(variant):
            table.add_row(variant.name, *cells)
    console.print(f"{done.model} {done.version}", markup=False)
    console.print(table)
    for note in sorted({note for variant in made for note in variant.notes}):
        console.print(f"note: {note}", markup=False, soft_wrap=True)
    for variant in made:
        _show_file(console, variant)


def _show_quantization(console: Console, figures: dict[str, Figure]) -> None:
    """Show what became of the model: each figure that there is of before and after."""
    numbers = [Column(name, justify="right") for name in ("before", "after")]
    table = Table(f"quantized to {figures['method']}", *numbers, box=None, padding=(0, 1))
    for name in [name.removesuffix("_before") for name in figures if name.endswith("_before")]:
        cells = (figures[f"{name}_{when}"] for when in ("before", "after"))
        table.add_row(
            name.replace("_", " "), *(f"{cell:.6g}" if isinstance(cell, float) else str(cell) for cell in cells)
        )
    console.print(table)
    console.print(f"measured on {figures['rows']} rows with labels")


def _artifact_cells(variant: Variant) -> list[tuple[str, ...]]:
    """Return a row for each artifact: kind, bytes, rows compared, difference, memory, time."""
    figures = {check.name: check.figures for check in variant.checks if check.status == "passed"}
    kinds = [name.partition(".")[0] for name in figures if name.endswith(".parity")]
    return [
        (
            kind,
            str(figures[kind]["bytes"]),
            str(figures[f"{kind}.parity"]["rows"]),
            f"{figures[f'{kind}.parity']['max_difference']:.3g}",
            *_needs(figures.get(f"{kind}.budget", {})),
        )
        for kind in kinds
    ]


def _needs(figures: dict[str, Figure]) -> tuple[str, str]:
    rss_bytes, p99_us = figures.get("rss_bytes"), figures.get("p99_one_row_us")
    memory = _memory(rss_bytes) if isinstance(rss_bytes, int) else "-"
    return memory, f"{p99_us:.1f} us" if isinstance(p99_us, float) else "-"


def _memory(size_bytes: int) -> str:
    return f"{size_bytes / _MIB:.1f} MiB" if size_bytes >= _MIB else f"{size_bytes} B"


def _show_file(console: Console, variant: Variant) -> None:
    if variant.bundle:
        done = "up to date:" if variant.status == "up to date" else "wrote"
        file = variant.bundle
        text = f"{done} {file.path}, {file.size_bytes} bytes, sha256 {file.sha256}"
        console.print(text, markup=False, highlight=False, soft_wrap=True)


def show_explanation(console: Console, explanation: Explanation) -> None:
    """Show a row's contributions, the features that move the raw scores most first."""
    ordered = sorted(explanation.features, key=lambda each: -max(map(abs, each.contributions)))
    numbers = [Column(f"score {k}", justify="right") for k in range(len(explanation.raw))]
    table = Table("feature", Column("value", justify="right"), *numbers, box=None, padding=(0, 1))
    table.add_row("(expected)", "", *(f"{value:.4g}" for value in explanation.expected))
    for feature in ordered[:_SHOWN_FEATURES]:
        table.add_row(feature.feature, f"{feature.value:.6g}", *(f"{value:+.4g}" for value in feature.contributions))
    table.add_row("(raw score)", "", *(f"{value:.4g}" for value in explanation.raw))
    console.print(table)
    console.print(f"the model gives {', '.join(f'{score:.6g}' for score in explanation.scores)}")


def show_parity(console: Console, manifest: Manifest, results: tuple[ParityResult, ...]) -> None:
    """Show how well each artifact agrees."""
    table = Table("artifact", "bytes", "rows compared", "largest difference", "allowed")
    for result in results:
        artifact = next(each for each in manifest.artifacts if each.kind == result.kind)
        size = str(artifact.file.size_bytes)
        table.add_row(result.kind, size, str(result.rows), f"{result.max_difference:.3g}", str(result.tolerance))
    console.print(table)


def show_bundle(console: Console, bundle: Bundle) -> None:
    """Show what a bundle holds."""
    manifest = bundle.manifest
    summary = Table(Column(), Column(overflow="fold"), show_header=False)
    for name, value in _summary(bundle):
        summary.add_row(name, value)
    console.print(summary)
    features = Table("feature", "unit", "range or categories")
    for feature in manifest.features[:_SHOWN_FEATURES]:
        features.add_row(feature.name, feature.unit, feature_range(feature))
    if len(manifest.features) > _SHOWN_FEATURES:
        features.add_row(f"... {len(manifest.features) - _SHOWN_FEATURES} more", "", "")
    console.print(features)


def show_bench(console: Console, report: BenchReport) -> None:
    """Show what each artifact takes on this machine, and what the profile grants."""
    names = ("p50 us", "p90 us", "p99 us", "max us", "rows/s", "load ms", "MiB", "bytes")
    table = Table("artifact", *(Column(name, justify="right") for name in names), box=None, padding=(0, 1))
    for artifact in report.artifacts:
        table.add_row(artifact.kind, *_bench_cells(artifact))
    profile = report.profile
    if profile is not None:
        memory, size = f"{profile.max_rss_bytes / _MIB:.3g}", str(profile.max_artifact_bytes)
        table.add_row("budget", "", "", f"{profile.max_p99_one_row_us:g}", "", "", "", memory, size)
    against = f" against {profile.name}" if profile else ""
    console.print(f"{report.model} {report.version}{against}, on this {report.processor}", markup=False)
    console.print(table)
    if profile is not None and not report.is_comparable:
        text = f"note: {profile.name} has another processor ({profile.processor}): only the size is held against it"
        console.print(text, markup=False, soft_wrap=True)


def _bench_cells(artifact: ArtifactBench) -> tuple[str, ...]:
    measured = artifact.measured
    times = (measured.p50_us, measured.p90_us, measured.p99_us, measured.max_us)
    memory = "-" if measured.rss_bytes is None else f"{measured.rss_bytes / _MIB:.3g}"
    load = f"{measured.open_ms + measured.load_ms:.3g}"
    rows_per_s = f"{measured.rows_per_s:.0f}"
    return (*(f"{us:.2f}" for us in times), rows_per_s, load, memory, str(artifact.artifact_bytes))


def bench_json(report: BenchReport) -> str:
    """Return what was measured as JSON."""
    return msgspec.json.format(msgspec.json.encode(report)).decode()


def bundle_json(bundle: Bundle) -> str:
    """Return the bundle's digest, size and manifest as JSON."""
    document = {"sha256": bundle.sha256, "size_bytes": bundle.size_bytes, "manifest": bundle.manifest}
    return msgspec.json.format(msgspec.json.encode(document)).decode()


def _summary(bundle: Bundle) -> list[tuple[str, str]]:
    manifest = bundle.manifest
    artifacts = ", ".join(f"{each.kind} ({each.file.size_bytes} bytes)" for each in manifest.artifacts)
    outputs = ", ".join(f"{output.name} {output.unit}".strip() for output in manifest.outputs)
    return [
        ("model", manifest.model),
        ("version", manifest.version),
        ("profile", manifest.profile or "portable"),
        ("task", manifest.task),
        ("frame", frame_in_words(manifest.frame) if isinstance(manifest.frame, Frame) else "-"),
        ("outputs", outputs),
        ("labels", ", ".join(str(label) for label in manifest.labels) or "-"),
        ("artifacts", artifacts),
        ("self-test", f"{manifest.self_test.rows} rows"),
        ("trained model", f"{manifest.lineage.parameters.get('model_type', '-')} {manifest.lineage.model_sha256[:12]}"),
        ("sample", manifest.lineage.sample_sha256[:12]),
        ("code revision", manifest.lineage.code_revision or "-"),
        ("sha256", bundle.sha256),
        ("size", f"{bundle.size_bytes} bytes"),
    ]
