"""Money with its currency: which code a header or a cell names, and rates that convert one into another.

The codes are those of ISO 4217 in which ads are bought; a symbol stands for a code only where it can mean no other.
"""

from __future__ import annotations

import bisect
import re
from collections.abc import Iterable
from dataclasses import dataclass

CURRENCIES = frozenset(
    "AED ARS AUD BDT BGN BHD BOB BRL CAD CHF CLP CNY COP CRC CZK DKK DOP DZD EGP EUR GBP GEL GHS GTQ HKD HNL HRK HUF IDR ILS INR ISK JOD "
    "JPY KES KRW KWD KZT LKR MAD MXN MYR NGN NOK NZD OMR PAB PEN PHP PKR PLN PYG QAR RON RSD RUB SAR SEK SGD THB TND TRY TWD TZS UAH UGX "
    "USD UYU UZS VND XAF XOF ZAR".split())
SYMBOLS = {"€": "EUR", "£": "GBP", "₹": "INR", "₩": "KRW", "₫": "VND", "₺": "TRY", "₴": "UAH", "₪": "ILS", "₦": "NGN", "₱": "PHP",
           "zł": "PLN", "R$": "BRL", "US$": "USD", "A$": "AUD", "C$": "CAD", "HK$": "HKD", "NZ$": "NZD", "S$": "SGD", "฿": "THB",
           "Kč": "CZK"}
SIGNS = "€£₹₩₫₺₴₪₦₱฿$¥"   # may stand beside a number; $ and ¥ name no currency by themselves
_CODE = re.compile(r"(?<![A-Z])[A-Z]{3}(?![A-Z])")
_SYMBOL = re.compile("|".join(re.escape(sign) for sign in sorted(SYMBOLS, key=len, reverse=True)))


def currency_in(text: str) -> str | None:
    """The currency that a header, a cell or a line names by code or by a symbol of its own; None where it names none."""
    code = next((found[0] for found in _CODE.finditer(text) if found[0] in CURRENCIES), None)
    sign = None if code else _SYMBOL.search(text)
    return code or (SYMBOLS[sign[0]] if sign else None)


@dataclass(frozen=True)
class Rate:
    """From `day` on (ISO; None is always) one unit of `source` is `factor` units of `target`."""

    source: str
    target: str
    factor: float
    day: str | None = None


class Rates:
    """A table of rates into one currency."""

    def __init__(self, rates: Iterable[Rate]):
        """Raises ValueError where the rates lead into two currencies, or there is none."""
        rates = list(rates)
        targets = sorted({rate.target for rate in rates})
        if len(targets) != 1:
            raise ValueError(f"rates into {' and '.join(targets)}" if targets else "no rate")
        self.target = targets[0]
        self._from: dict[str, list[tuple[str, float]]] = {}
        for rate in sorted(rates, key=lambda rate: rate.day or ""):
            self._from.setdefault(rate.source, []).append((rate.day or "", rate.factor))

    def factor(self, currency: str, day: str | None) -> float | None:
        """What one unit of the currency is on this day, by the newest rate up to it; None where the table does not say."""
        if currency == self.target:
            return 1.0
        known = self._from.get(currency, [])
        at = bisect.bisect_right(known, (day or "9999", float("inf")))
        return known[at - 1][1] if at else None
