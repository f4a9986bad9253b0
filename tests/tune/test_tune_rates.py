"""The three rates of a probe: apart by one factor, centred by method and width."""

import pytest

from adtune.engine.methods import METHODS
from adtune.tune.rates import CENTRES, FACTOR, REFERENCE_WIDTH, rates


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("width", [1, 64, 320, 2048, 4096, 16384])
def test_rates_rise_by_one_factor(method, width):
    low, middle, high = rates(method, width)
    assert middle / low == pytest.approx(FACTOR) and high / middle == pytest.approx(FACTOR) and low > 0


def test_wide_bases_take_what_the_field_reports():
    for method, centre in CENTRES.items():
        assert rates(method, REFERENCE_WIDTH)[1] == rates(method, 4 * REFERENCE_WIDTH)[1] == centre


def test_narrow_bases_take_higher_rates_for_their_weights_only():
    assert rates("lora", 512)[1] == pytest.approx(4 * CENTRES["lora"])
    assert rates("full", 512)[1] == pytest.approx(4 * CENTRES["full"])
    assert rates("prefix", 512)[1] == CENTRES["prefix"]
