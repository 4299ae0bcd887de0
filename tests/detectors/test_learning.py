"""What is learned of how much a stream varies."""

from dataclasses import replace

import numpy as np

from benchmarks.drift.independent import gaussian_reference
from detectors import charts_of
from detectors.ewma import as_normal
from detectors.learning import own_scale
from detectors.state import no_pasts


def test_however_long_a_stream_is_known_its_scores_are_not_taken_for_gaussian() -> None:
    known = np.float32(250.0)
    pasts = no_pasts(charts_of(gaussian_reference(2, 1)), 1, 20)
    pasts = replace(pasts, freedom=pasts.freedom + known, squares=pasts.squares + known)
    scale = own_scale(pasts)
    np.testing.assert_allclose(scale.variance, 1.0, rtol=0.01)
    told = as_normal(np.full_like(scale.freedom, 6.0), scale.freedom)
    assert np.all(told < 5.6)
    assert np.all(told > 5.3)
