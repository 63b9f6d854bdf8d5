"""The calibration map: monotone, positive, and the same after a round trip."""

import json

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from nnp.core.calibration import Calibration, Record

RECORD = Record(count=10, coverage_68=0.7, coverage_95=0.9, miscalibration_area=0.05, spearman=0.5)


@given(factor=st.floats(1e-3, 1e2), power=st.floats(0.3, 2.0), floor=st.floats(1e-6, 1.0))
def test_larger_spread_never_means_smaller_uncertainty(factor: float, power: float, floor: float) -> None:
    calibration = Calibration(factor=factor, power=power, floor=floor, lowest=0.0, highest=1.0, record=RECORD)
    sigma = calibration.apply(np.linspace(0.0, 3.0, 50))
    assert np.all(np.diff(sigma) >= 0.0)
    assert np.all(sigma >= floor * (1.0 - 1e-12))


def test_round_trip_through_json_and_range() -> None:
    calibration = Calibration(factor=2.0, power=1.0, floor=0.1, lowest=0.0, highest=0.5, record=RECORD)
    assert Calibration.from_dict(json.loads(json.dumps(calibration.to_dict()))) == calibration
    np.testing.assert_array_equal(calibration.extrapolating([0.5, 0.6]), [False, True])
