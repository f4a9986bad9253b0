"""The three rates of a probe: apart by one factor, centred by method and width."""

from itertools import pairwise

import pytest

from adtune.tune.rates import CENTRES, FACTOR, MEASURED_WIDTH, REFERENCE_WIDTH, rates


@pytest.mark.parametrize("method", CENTRES)
@pytest.mark.parametrize("width", [1, 64, 320, 2048, 4096, 16384])
def test_rates_rise_by_one_factor(method, width):
    low, middle, high = rates(method, width)
    assert middle / low == pytest.approx(FACTOR) and high / middle == pytest.approx(FACTOR) and low > 0


def test_wide_bases_take_what_the_field_reports():
    for method, centre in CENTRES.items():
        assert rates(method, REFERENCE_WIDTH)[1] == rates(method, 4 * REFERENCE_WIDTH)[1] == centre


def test_bases_of_width_1024_take_higher_rates_for_their_weights_only():
    assert rates("lora", 1024)[1] == pytest.approx(2 * CENTRES["lora"])
    assert rates("full", 1024)[1] == pytest.approx(2 * CENTRES["full"])
    assert rates("prefix", 1024)[1] == CENTRES["prefix"]


@pytest.mark.parametrize(("method", "measured"), [("lora", (0.008, 0.02)), ("full", (0.0016, 0.0037)), ("prefix", (0.39, 0.98))])
def test_the_rates_that_were_measured_at_width_320_lie_inside_the_first_three(method, measured):
    low, _, high = rates(method, MEASURED_WIDTH)
    assert all(low < rate < 1.1 * high for rate in measured)
    assert rates(method, 32) == rates(method, MEASURED_WIDTH)  # nothing narrower was measured


@pytest.mark.parametrize("method", CENTRES)
def test_narrower_bases_never_take_lower_rates(method):
    centres = [rates(method, width)[1] for width in range(64, 4097, 32)]
    assert all(narrow >= wide for narrow, wide in pairwise(centres))
