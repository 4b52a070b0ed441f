"""What the tests of `mixpay import` share."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from importing import run


@pytest.fixture
def rejects(tmp_path: Path) -> Path:
    return tmp_path / "rejects.csv"


@pytest.fixture
def load(url: str, tmp_path: Path, rejects: Path) -> Callable[..., dict[str, Any]]:
    """`load("text of a file", "--jobs", "1")`: what the command tells a machine."""

    def load(text: str | bytes, *options: str, currency: str = "CNY") -> dict[str, Any]:
        file = tmp_path / "payments.csv"
        if isinstance(text, str):
            text = text.encode()
        file.write_bytes(text)
        result = run(url, rejects, str(file), "--currency", currency, "--json", *options)
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)

    return load
