"""The text of exported C files, and what no name of a model, feature or label may do to it."""

import array
import re
from pathlib import Path

import msgspec
import pytest

from compiler.backends.c_kernels import amalgamate, kernels_source, resolve, switch_off
from compiler.backends.c_model import Model, header, plan_array, self_test_rows
from compiler.backends.c_source import c_sources
from device_contract.bundle import read
from device_contract.plan.format import Kind, Operation, Plan, Range, write_plan
from device_contract.selftest import SelfTestVectors
from tests.support.bundles import make_bundle

PLAN = write_plan(
    Plan(
        2,
        1,
        Range(0, 1),
        (Operation(Kind.DOT, Range(0, 1), Range(0, 2, of_row=True), tables=(bytes(16), b"", bytes(8))),),
    )
)


def make_model(name: str = "pump", features: tuple[str, ...] = ("flow", "pressure"), plan: bytes = PLAN) -> Model:
    values = array.array("f", [1.5, float("nan"), float("inf"), -0.0])
    scores = array.array("d", [0.1, float("-inf")])
    vectors = SelfTestVectors(n_rows=2, n_features=2, n_outputs=1, inputs=values.tobytes(), outputs=scores.tobytes())
    bundle = read(make_bundle(name, "1.2", {"plan": plan}, features=features, outputs=["power"], vectors=vectors))
    return Model(bundle.manifest, plan, 20, vectors, bundle.sha256)


def test_the_same_models_give_the_same_files() -> None:
    sources = c_sources([make_model(), make_model("fan")])
    assert sources == c_sources([make_model(), make_model("fan")])
    kernels, own = ["leeway_kernels.h", "leeway_kernels.c"], ["pump.h", "pump.c", "pump_self_test.c"]
    assert list(sources) == [*kernels, *own, *(name.replace("pump", "fan") for name in own)]


def test_the_kernels_are_one_file_without_those_for_batches() -> None:
    kernels = kernels_source([PLAN])
    assert set(re.findall(r"#\s*include (.+)", kernels)) <= {'"leeway_kernels.h"', "<math.h>", "<string.h>"}
    assert "score_rows" not in kernels
    assert "SINGLE_ROWS" not in kernels


def test_operations_that_no_plan_uses_are_switched_off() -> None:
    kernels = kernels_source([PLAN])
    assert "case LEEWAY_DOT: FN(run_dot)" in kernels
    assert "case LEEWAY_TREES: break; FN(run_trees)" in kernels
    assert "case LEEWAY_SINE: break; MAP(" in kernels
    assert "if (1) {" in kernels


def test_a_case_of_several_operations_stays_if_one_is_used() -> None:
    text = "    case LEEWAY_GRU:\n    case LEEWAY_LSTM: FN(run_recurrent)(context); break;\n"
    assert switch_off(text, {"GRU"}) == switch_off(text, {"LSTM"}) == text
    assert switch_off(text, {"DOT"}) == text.replace("FN", "break; FN")


def test_only_one_macro_s_conditions_are_resolved() -> None:
    text = "#ifdef A\na\n  #if B\nb\n#endif\n#else\nc\n#ifdef B\nd\n#endif\n#endif\n#ifndef A\ne\n#endif\nf\n"
    assert resolve(text, "A") == "a\n  #if B\nb\n#endif\nf\n"


def test_an_included_file_stands_where_it_is_included(tmp_path: Path) -> None:
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "inner.inc").write_text("int inner;\n")
    (tmp_path / "parts" / "outer.inc").write_text('#include "inner.inc"\nint outer;\n')
    (tmp_path / "whole.c").write_text('#include "kernels.h"\n#include <math.h>\n#include "parts/outer.inc"\nint end;\n')
    text = amalgamate(tmp_path / "whole.c")
    assert text == '#include "leeway_kernels.h"\n#include <math.h>\nint inner;\nint outer;\nint end;\n'


def test_the_plan_is_written_as_little_endian_words() -> None:
    text = plan_array(make_model(plan=bytes(range(1, 11))))
    assert "plan[2] = {\n    0x0807060504030201, 0x0000000000000a09,\n};" in text
    assert "leeway_plan_check(plan, 10)" in text
    assert "workspace[3 + 7]" in text


def test_numbers_keep_every_bit() -> None:
    text = self_test_rows(make_model())
    for number in (
        " 0x1.8000000000000p+0f,",
        " NAN,",
        " INFINITY,",
        " -0x0.0p+0f,",
        " 0x1.999999999999ap-4,",
        " -INFINITY,",
    ):
        assert number in text


@pytest.mark.parametrize(
    ("name", "identifier"),
    [
        ("pump", "pump"),
        ("turbine-power.v2", "turbine_power_v2"),
        ("2nd", "model_2nd"),
        ("leeway_plan", "model_leeway_plan"),
        ("math", "model_math"),
        ("string", "model_string"),
        ("int", "int"),
    ],
)
def test_a_model_is_named_as_c_allows(name: str, identifier: str) -> None:
    assert make_model(name).identifier == identifier


def test_no_name_ends_a_comment() -> None:
    text = header(make_model(features=("*/ int x; /*", "line\nbreak \\")))
    assert "row[0]  ? int x; /*\n" in text
    assert "row[1]  line?break ?\n" in text


def test_a_unit_is_told_beside_its_feature() -> None:
    model = make_model()
    feature = msgspec.structs.replace(model.manifest.features[0], unit="l/s")
    manifest = msgspec.structs.replace(model.manifest, features=(feature, model.manifest.features[1]))
    assert "row[0]  flow l/s\n" in header(Model(manifest, model.plan, 20, model.vectors, model.sha256))
