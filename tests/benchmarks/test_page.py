import re
from pathlib import Path

import pytest

from benchmarks import figures, page, plot
from benchmarks.figures import Absent, Measured, Run, Scored
from benchmarks.models import WORKLOADS


def scored(name: str, row_us: float, rate: float) -> Scored:
    return Scored(name, row_us, {64: rate, 1024: 2 * rate, 65_536: 3 * rate}, 1e-7, 0)


IO_BINDING, LIBRARY = scored(page.RUNTIME, 4.0, 1e6), scored("scikit-learn", 240.0, 2e6)
OURS = scored(page.OURS, 0.1, 4e6)


@pytest.fixture
def run() -> Run:
    with_plan = Measured("A", "scikit-learn", (OURS, IO_BINDING, LIBRARY), (Absent("lleaves", "takes LightGBM only"),))
    without = Measured("B", "scikit-learn", (IO_BINDING, LIBRARY), (Absent(page.OURS, "too new"),))
    return Run("a processor", {"numpy": "2.0"}, {"A": with_plan, "B": without})


def test_requirements_are_ratios_to_the_best_of_each_kind(run: Run) -> None:
    found = page.requirements(run.models["A"], 30.0)
    assert [requirement.ratio for requirement in found] == pytest.approx([40, 2400, 2, 2, 2])
    assert [requirement.required for requirement in found] == [30, 2, 1, 1, 1]
    assert found[2].what == "batches of 64 against scikit-learn"
    assert all(requirement.met for requirement in found)


def test_a_model_without_a_plan_misses_all_and_the_page_says_why(run: Run) -> None:
    assert page.missed(run, WORKLOADS) == [
        "B: one row against onnxruntime, IO binding",
        "B: one row against scikit-learn",
        "B: batches of 64 against scikit-learn",
        "B: batches of 1,024 against scikit-learn",
        "B: batches of 65,536 against scikit-learn",
    ]
    text = page.render(run, WORKLOADS)
    assert "too new" in text
    assert "takes LightGBM only" in text


def test_the_page_tells_machine_versions_command_and_every_figure(run: Run) -> None:
    text = page.render(run, WORKLOADS)
    for told in ("a processor", "numpy 2.0", "python -m benchmarks.scoring", "scoring.svg"):
        assert told in text
    assert "| Leeway, plan | 0.1 | 4M | 8M | 12M | 1.0e-07 | 0 |" in text
    assert "| A | one row against onnxruntime, IO binding | 40 | 30 | met |" in text


@pytest.mark.parametrize(("rate", "text"), [(36_400_000, "36.4M"), (153_200, "153k"), (999_600, "1M"), (850, "0.85k")])
def test_rates_have_three_digits(rate: float, text: str) -> None:
    assert _rate_of(scored("scikit-learn", 1.0, rate)) == text


def _rate_of(one: Scored) -> str:
    measured = Measured("A", "scikit-learn", (scored(page.RUNTIME, 1.0, 1.0), one), ())
    text = page.render(Run("", {}, {"A": measured}), WORKLOADS)
    found = re.search(r"\| scikit-learn \| 1 \| (\S+) \|", text)
    assert found is not None
    return found.group(1)


def test_figures_are_kept_and_read_again(run: Run, tmp_path: Path) -> None:
    figures.write(tmp_path / "scoring.json", run)
    assert figures.read(tmp_path / "scoring.json") == run
    assert figures.read(tmp_path / "none.json") is None


def test_the_same_figures_draw_the_same_picture(run: Run, tmp_path: Path) -> None:
    plot.draw(run, tmp_path / "one.svg")
    plot.draw(run, tmp_path / "two.svg")
    drawn = (tmp_path / "one.svg").read_text()
    assert drawn == (tmp_path / "two.svg").read_text()
    for text in (page.OURS, "one row", "batches of 65,536"):
        assert text in drawn
