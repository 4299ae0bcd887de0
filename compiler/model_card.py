"""The model card: what a person wants to know before using the model, as Markdown.

Source of the idea: Mitchell et al., Model Cards for Model Reporting, 2019, doi:10.1145/3287560.3287596.
"""

from compiler.contents import Contents
from device_contract.frames import Frame
from device_contract.manifest import Feature


def model_card(contents: Contents) -> str:
    """Write the card of a bundle."""
    lineage, tolerance = contents.lineage, contents.tolerance
    kinds = " and ".join(artifact.kind for artifact in contents.artifacts)
    lines = [
        f"# {contents.model} {contents.version}",
        "",
        f"- Task: {contents.signature.task}",
        f"- Made for: {contents.profile or 'any device (portable)'}, as {kinds}",
        f"- Model: {lineage.parameters.get('model_type', 'unknown')}, SHA-256 `{lineage.model_sha256}`",
        *([f"- Frame: {frame_in_words(contents.sample.frame)}"] if contents.sample.frame else []),
        f"- Sample: {len(contents.sample.rows)} rows, SHA-256 `{lineage.sample_sha256}`",
        f"- Proved on the sample: the original's scores within {tolerance}",
        "",
        "## Inputs",
        "",
        "| feature | unit | range or categories |",
        "|---|---|---|",
        *(f"| {_cell(f.name)} | {_cell(f.unit)} | {_cell(feature_range(f))} |" for f in contents.sample.features),
        "",
        "## Outputs",
        "",
        "| output | unit |",
        "|---|---|",
        *(f"| {_cell(output.name)} | {_cell(output.unit)} |" for output in contents.outputs),
        "",
    ]
    return "\n".join(lines)


def frame_in_words(frame: Frame) -> str:
    """Return what a frame takes of a stream, in words."""
    channels = ", ".join(f"{channel.name} {channel.unit}".strip() for channel in frame.channels)
    return f"{frame.length} samples at {frame.sample_rate_hz:g} Hz, every {frame.hop}, of {_cell(channels)}"


def feature_range(feature: Feature) -> str:
    """Return a feature's plausible range, or its categories, in words."""
    if feature.kind == "category":
        return ", ".join(feature.categories)
    lowest, highest = feature.minimum, feature.maximum
    return "" if lowest is None or highest is None else f"{lowest:.6g} to {highest:.6g}"


def _cell(text: str) -> str:
    """Keep a name from breaking the table."""
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("\n", " ")
