"""docs/pictures/trade.svg is the demo's trade as it is drawn now, and nothing but a drawing."""

import importlib.util
import re
import xml.etree.ElementTree as ET
from types import ModuleType

from recorded import PROJECT

FILE = PROJECT / "docs" / "pictures" / "trade.svg"


def drawer() -> ModuleType:
    found = importlib.util.spec_from_file_location("draw", FILE.with_name("draw.py"))
    assert found
    assert found.loader
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


def test_is_what_make_pictures_draws() -> None:
    assert FILE.read_text(encoding="utf-8") == drawer().draw()


def test_is_nothing_but_a_small_drawing() -> None:
    text = FILE.read_text(encoding="utf-8")
    assert len(text.encode()) < 12 * 1024
    root = ET.fromstring(text)  # noqa: S314 (our own file)
    names = {element.tag.rpartition("}")[2] for element in root.iter()}
    assert names == {"svg", "title", "style", "defs", "pattern", "path", "text", "g", "rect"}
    assert not re.search(r"href|url\((?!#)|@import|\bon[a-z]+=", text)
