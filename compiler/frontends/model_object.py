"""A fitted model in memory, by the library that its type comes from."""

from typing import Any

from compiler.frontends.source import SourceModel

_BOOSTERS = frozenset({("lightgbm", "Booster"), ("xgboost", "Booster")})
_TORCH = frozenset({"torch.nn.modules.module.Module", "torch.export.exported_program.ExportedProgram"})


def source_of(model: Any, sha256: str | None = None) -> SourceModel:
    """Take a fitted model.

    A scikit-learn estimator, which those of the boosters' libraries are too; a booster; a torch module or exported
    program; a Keras model.

    Args:
        model: The model.
        sha256: Digest of the file that it came from; of its state when left out.

    Raises:
        ModelError: It is nothing that the compiler takes, is not fitted, or is not whole.
    """
    # Each imports its own library, and only when such a model comes.
    library, name = type(model).__module__.partition(".")[0], type(model).__name__
    if library == "catboost":
        from compiler.frontends.catboost_model import CatboostModel  # noqa: PLC0415  (see above)

        return CatboostModel(model, sha256)
    if any(kind.__module__.partition(".")[0] == "keras" for kind in type(model).__mro__):
        from compiler.frontends.keras_model import KerasModel  # noqa: PLC0415  (see above)

        return KerasModel(model, sha256)
    # After Keras, whose models are torch modules too.
    if any(f"{kind.__module__}.{kind.__name__}" in _TORCH for kind in type(model).__mro__):
        from compiler.frontends.torch_module import TorchModel  # noqa: PLC0415  (see above)

        return TorchModel(model, sha256)
    if (library, name) not in _BOOSTERS:
        from compiler.frontends.final_step import without_searches  # noqa: PLC0415  (see above)
        from compiler.frontends.framed_model import FramedModel, begins_with_frames  # noqa: PLC0415  (see above)
        from compiler.frontends.sklearn import SklearnModel  # noqa: PLC0415  (see above)

        found = without_searches(model)
        return FramedModel(found, sha256) if begins_with_frames(found) else SklearnModel(model, sha256)
    if library == "lightgbm":
        from compiler.frontends.lightgbm_model import LightgbmModel  # noqa: PLC0415  (see above)

        return LightgbmModel(model.model_to_string(), sha256)
    from compiler.frontends.xgboost_model import XgboostModel  # noqa: PLC0415  (see above)

    return XgboostModel(bytes(model.save_raw("json")), sha256)
