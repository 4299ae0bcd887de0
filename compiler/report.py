"""What the commands show: short tables for people, JSON for programs."""

import msgspec
from rich.console import Console
from rich.table import Column, Table

from compiler.model_card import feature_range
from compiler.parity import ParityResult
from compiler.pipeline import CompiledBundle
from device_contract.bundle import Bundle
from device_contract.manifest import Manifest

_SHOWN_FEATURES = 50


def show_compiled(console: Console, compiled: CompiledBundle) -> None:
    """Show what a compilation made: artifacts, parity, footprint, notes."""
    manifest = compiled.manifest
    what = f"{manifest.task}, {len(manifest.features)} features, {len(manifest.outputs)} outputs"
    console.print(f"{manifest.model} {manifest.version} for {manifest.profile or 'any device'}: {what}", markup=False)
    show_parity(console, manifest, compiled.parity)
    for footprint in compiled.footprints:
        p99 = "not measured here" if footprint.p99_one_row_us is None else f"{footprint.p99_one_row_us:.1f} us"
        console.print(f"{footprint.kind}: memory about {footprint.rss_bytes >> 20} MiB, p99 of one row {p99}")
    for note in compiled.notes:
        console.print(f"note: {note}", markup=False, soft_wrap=True)
    console.print(f"sha256 {compiled.sha256}, {len(compiled.data)} bytes", soft_wrap=True)


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
