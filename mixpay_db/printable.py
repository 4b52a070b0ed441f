"""Text from elsewhere, as it may be shown on a terminal or written to a log."""

import re

# Control characters, line and paragraph separators, and what turns the direction of writing.
UNPRINTABLE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff]"
)


def printable(text: str) -> str:
    r"""With what a terminal would obey, and does not show, written out: \x1b, \u202e."""
    return text if text.isprintable() else UNPRINTABLE.sub(_written_out, text)


def _written_out(found: re.Match[str]) -> str:
    code = ord(found[0])
    # What Python read as a byte that is no text stands for that byte.
    if 0xDC80 <= code <= 0xDCFF:
        code -= 0xDC00
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
