"""``leeway-compiler compile``."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.console import Console

from compiler.commands.options import TrustPickle

Explain = Annotated[
    bool, typer.Option("--explain", help="Plans hold what explains their scores; trees take twice the room.")
]

Quantize = Annotated[
    Literal["int8", "float16", "thresholds"] | None,
    typer.Option(help="Dense layers or trees' thresholds in fewer bits; needs --labels.", show_default=False),
]
Labels = Annotated[
    str | None,
    typer.Option(help="The sample's column of what each row turned out to be.", show_default=False),
]
AccuracyLoss = Annotated[
    float | None,
    typer.Option(
        help="With --quantize: how much accuracy may be lost, or by how much of itself the RMSE may grow; 0.01.",
        min=0.0,
        show_default=False,
    ),
]

if TYPE_CHECKING:
    from compiler.compile_report import CompileReport
    from compiler.quantization import Quantization


def compile_model(  # noqa: PLR0913, PLR0917  (each option of the command)
    model: Annotated[
        Path, typer.Argument(metavar="MODEL", help="Trained model; its name's end tells its kind.", show_default=False)
    ],
    sample: Annotated[
        Path, typer.Option(help="Rows like those of the training: .csv, .parquet or .npz.", show_default=False)
    ],
    name: Annotated[str, typer.Option(help="The model's name.", show_default=False)],
    version: Annotated[str, typer.Option(help="The model's version.", show_default=False)],
    out: Annotated[Path, typer.Option(help="Folder to write the bundles into.", show_default=False)],
    schema: Annotated[
        Path | None, typer.Option(help="TOML file that describes the features and outputs.", show_default=False)
    ] = None,
    profile: Annotated[
        str | None, typer.Option(help="Firmware profile that the bundle is for; portable without.", show_default=False)
    ] = None,
    matrix: Annotated[
        list[str] | None,
        typer.Option(
            help="A bundle for each of these profiles: a folder of them, a file or a name; may be repeated.",
            show_default=False,
        ),
    ] = None,
    kind: Annotated[
        Literal["onnx", "plan", "both"] | None,
        typer.Option(help="Artifacts to emit; without it, all that can be.", show_default=False),
    ] = None,
    report: Annotated[
        Path | None, typer.Option(help="Write what came of it to this file, as JSON.", show_default=False)
    ] = None,
    junit: Annotated[
        Path | None, typer.Option(help="Write each check to this file, as JUnit XML.", show_default=False)
    ] = None,
    trust_pickle: TrustPickle = False,  # noqa: FBT002  (a flag)
    explain: Explain = False,  # noqa: FBT002  (a flag)
    quantize: Quantize = None,
    labels: Labels = None,
    accuracy_loss: AccuracyLoss = None,
) -> None:
    """Compile a trained model to a bundle, or to one for each of several profiles."""
    from compiler.matrix import Build, build
    from compiler.packaging import answered_request, code_revision
    from compiler.pipeline import BundleOrder

    if profile is not None and matrix:
        raise typer.BadParameter("give either --profile or --matrix", param_hint="--matrix")
    done = build(
        Build(
            model=model,
            sample=sample,
            out=out,
            order=BundleOrder(name, version, kind, code_revision(os.environ), answered_request(os.environ)),
            profiles=matrix or ([] if profile is None else [profile]),
            schema=schema,
            trust_pickle=trust_pickle,
            explain=explain,
            labels=labels,
            quantization=_quantization(quantize, labels, accuracy_loss, explain=explain),
        )
    )
    _show(done, report, junit)


def _quantization(
    method: Literal["int8", "float16", "thresholds"] | None,
    labels: str | None,
    accuracy_loss: float | None,
    *,
    explain: bool,
) -> "Quantization | None":
    if method is None:
        if accuracy_loss is not None:
            raise typer.BadParameter("it needs --quantize", param_hint="--accuracy-loss")
        return None
    from compiler.quantization import ACCURACY_LOSS, Quantization

    if labels is None:
        raise typer.BadParameter("give --labels, the sample's column to measure accuracy by", param_hint="--quantize")
    if explain:
        raise typer.BadParameter("a quantized plan explains no scores", param_hint="--explain")
    return Quantization(method, ACCURACY_LOSS if accuracy_loss is None else accuracy_loss)


def _show(done: "CompileReport", report: Path | None, junit: Path | None) -> None:
    """Tell what came of it, write the reports, and exit."""
    from compiler.compile_report import encode_report
    from compiler.files import write_whole
    from compiler.junit import junit_xml
    from compiler.report import show_compiled

    show_compiled(Console(), done)
    for message in done.failures():
        typer.echo(f"leeway-compiler: {message}", err=True)
    if report is not None:
        write_whole(report, encode_report(done))
    if junit is not None:
        write_whole(junit, junit_xml(done))
    raise typer.Exit(done.exit_code)
