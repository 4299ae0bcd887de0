"""A trained model in, a signed bundle out.

``compile_model`` is the library's door; ``leeway-compiler`` is the same from the command line.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from compiler.pipeline import CompiledBundle, compile_model

__all__ = ["CompiledBundle", "compile_model"]


def __getattr__(name: str) -> Any:  # noqa: ANN401  (a module's attribute)
    """Import the pipeline when it is asked for: commands that compile nothing start without it."""
    if name in __all__:
        from compiler import pipeline  # noqa: PLC0415  (see above)

        return getattr(pipeline, name)
    raise AttributeError(f"module 'compiler' has no attribute {name!r}")
