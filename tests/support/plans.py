"""Plans of one linear operation, by hand."""

from device_contract.plan.format import Kind, Operation, Plan, Range, write_plan


def linear(n_features: int, n_scores: int, *tables: bytes) -> Operation:
    """Return scores = base + weights (n_scores, n_features) @ (row - center), at the first values.

    The tables are weights, center, base, and to explain by the reference.
    """
    return Operation(Kind.DOT, Range(0, n_scores), Range(0, n_features, of_row=True), tables=tables)


def linear_plan(  # noqa: PLR0913  (the matrix, and what is around it)
    n_features: int, n_scores: int, weights: bytes, base: bytes, *, softmax: bool = False, reference: bytes = b""
) -> bytes:
    """Return a plan of one matrix, and softmax after it; explained by a reference, if there is one."""
    scores, probabilities = Range(0, n_scores), Range(n_scores, n_scores)
    tables = (weights, bytes(8 * n_features), base, *filter(None, (reference,)))
    matrix = linear(n_features, n_scores, *tables)
    if not softmax:
        return write_plan(Plan(n_features, n_scores, scores, (matrix,)))
    link = Operation(Kind.SOFTMAX, probabilities, scores)
    return write_plan(Plan(n_features, 2 * n_scores, probabilities, (matrix, link)))
