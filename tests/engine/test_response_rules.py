"""Rules of business: a lift where two things meet is found, told in the client's words and foretold; where there is none, none is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from adtune.engine.response.batch import FIELDS, NUMBERS
from adtune.engine.response.encode import Codebook, rules_in_words
from adtune.engine.response.model import ResponseNet, Shape
from adtune.engine.response.rules import Rule, lift_of
from adtune.pretrain.advertisers import AdvertiserSettings, Draw, generate

ROWS, LIFT = 260, 0.9
PLAIN = AdvertiserSettings(rules=0.0, families=(0.0, 1.0, 0.0, 0.0, 0.0), absent=(0.0,) * 11, absent_numbers=(0.0,) * 6, undated=0.0)


@pytest.fixture(scope="module")
def net():
    torch.manual_seed(3)
    net = ResponseNet(Shape(16, 2, 1, 16))
    torch.nn.init.zeros_(net.general.last.weight)  # it expects the same of every row
    return net


def world(lift):
    """One advertiser's rows whose own effects are small, with a lift of free returns (value 1 of other1) above the usual price."""
    batch, truth = generate(Draw(11), 1, ROWS, ROWS, PLAIN)
    batch = replace(batch, context=torch.ones_like(batch.context), exposure=torch.full_like(batch.exposure, 400.0))
    met = (batch.ids[0, :, FIELDS.index("other1")] == 1) & (batch.numbers[0, :, NUMBERS.index("price")] > 0)
    rate = 0.03 * np.exp(0.3 * (truth.eta - truth.eta.mean())[0].numpy() + lift * met.numpy())
    outcome = np.random.default_rng(2).poisson(400 * rate * np.random.default_rng(3).gamma(8, 1 / 8, ROWS))
    return replace(batch, outcome=torch.from_numpy(np.minimum(outcome, 400.0))[None]), met


@pytest.mark.parametrize("lift", [LIFT, -LIFT])
def test_a_planted_rule_is_found_with_its_size(lift, net):
    batch, met = world(lift)
    found = net.find_rules(batch, np.arange(ROWS))
    best = max(found, key=lambda rule: rule.probability)
    assert (best.field, best.value, best.by) == ("other1", 1, "price") and best.probability > 0.7
    kind = [rule for rule in found if (rule.field, rule.value, rule.by) == ("other1", 1, "price") and rule.size * lift > 0]
    assert sum(rule.probability for rule in kind) > 0.9  # limits next to each other share it
    assert abs(best.limit) < 0.3 and 0.6 < best.size / lift < 1.3
    assert (best.holds(batch)[0] == met).double().mean() > 0.9


def test_where_there_is_no_rule_none_is_likely(net):
    found = net.find_rules(world(0.0)[0], np.arange(ROWS))
    assert max(rule.probability for rule in found) < 0.5
    assert all(abs(rule.size * rule.probability) < 0.15 for rule in found)


def test_rows_that_may_not_be_read_tell_no_rule_and_too_few_tell_none(net):
    batch, _ = world(LIFT)
    unread = replace(batch, context=torch.arange(ROWS)[None] < 100)
    assert net.find_rules(unread, np.arange(ROWS)) == net.find_rules(batch, np.arange(100))
    assert net.find_rules(batch, np.arange(8)) == ()


def test_rules_lift_the_rates_where_they_hold_and_leave_the_general_pattern(net):
    batch, met = world(0.0)
    rule = Rule("other1", 1, "price", 0.0, 1.2, 0.5)
    assert torch.equal(lift_of((rule,), batch)[0], met * 0.6)
    asked = replace(batch, context=torch.arange(ROWS)[None] < 5)  # five rows tell little
    with torch.no_grad():
        eta, _, plain = net(asked, 5)
        net.rules = (rule,)
        lifted, _, still = net(asked, 5)
        _, effects = net.explain(net.remember(asked.rows(torch.arange(5))), asked)
        net.rules = ()
    change = (lifted - eta)[0]
    assert float(change[met[5:]].mean() - change[~met[5:]].mean()) == pytest.approx(0.6, abs=0.15)
    assert torch.allclose(plain - plain.mean(), still - still.mean(), atol=1e-5)  # but for the level
    assert torch.equal(effects[0, :, -1], met * 0.6)


def test_rules_are_told_in_the_clients_words():
    book = Codebook("conversions", "clicks", 1, 1.0, "US", {"other1": "Free returns", "price": "Basket"},
                    {"other1": ["no", "yes"], "channel": ["Instagram"]}, {"price": np.log(80.0)}, {"price": 1.0}, [])
    told = rules_in_words([Rule("other1", 2, "price", 0.0, 0.9, 0.5), Rule("other1", 2, "price", 0.1, 0.6, 0.25),
                           Rule("channel", 1, "weekend", 0.0, -0.5, 0.1), Rule("other1", 1, "channel", 1.0, 0.2, 0.05)], book)
    assert [one.words for one in told] == ["Free returns = yes and Basket above 80", "channel = Instagram and at the weekend",
                                           "Free returns = no and channel = Instagram"]
    assert told[0].probability == pytest.approx(0.75) and told[0].lift == pytest.approx(0.8)
