"""Plans of one linear operation, by hand."""

from device_contract.plan.format import Kind, Operation, Plan, Range, write_plan


def linear(n_features: int, n_scores: int, weights: bytes, center: bytes, base: bytes) -> Operation:
    """Return scores = base + weights (n_scores, n_features) @ (row - center), at the first values."""
    return Operation(Kind.DOT, Range(0, n_scores), Range(0, n_features, of_row=True), tables=(weights, center, base))


def linear_plan(n_features: int, n_scores: int, weights: bytes, base: bytes, *, softmax: bool = False) -> bytes:
    """Return a plan of one matrix, and softmax after it."""
    scores, probabilities = Range(0, n_scores), Range(n_scores, n_scores)
    matrix = linear(n_features, n_scores, weights, bytes(8 * n_features), base)
    if not softmax:
        return write_plan(Plan(n_features, n_scores, scores, (matrix,)))
    link = Operation(Kind.SOFTMAX, probabilities, scores)
    return write_plan(Plan(n_features, 2 * n_scores, probabilities, (matrix, link)))
