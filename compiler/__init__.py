"""A trained model in, a signed bundle out.

``compile_model`` is the library's door; ``leeway-compiler`` is the same from the command line.
"""

from compiler.pipeline import CompiledBundle, compile_model

__all__ = ["CompiledBundle", "compile_model"]
