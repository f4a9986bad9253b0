"""Makes the made data importable and measures it once."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from made_material import material  # noqa: E402

from adtune.evaluate import measure  # noqa: E402
from adtune.settings import EvaluateSettings  # noqa: E402


@pytest.fixture(scope="session")
def result():
    return measure(material(), EvaluateSettings())
