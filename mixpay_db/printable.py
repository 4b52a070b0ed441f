"""Text from elsewhere, as it may be shown on a terminal or written to a log."""

import re

# As mixpay._shown in the database: control characters; what turns the direction of writing, has no
# width or ends a line; tags. And what Python makes of bytes that are no text.
UNPRINTABLE = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff"
    "\ufff9-\ufffb\U000e0000-\U000e007f\ud800-\udfff]"
)


def printable(text: str) -> str:
    r"""With what a terminal would obey, and does not show, written out: \x1b, \u202e."""
    return text if text.isprintable() else UNPRINTABLE.sub(_written_out, text)


def shown(text: str, longest: int = 2000) -> str:
    """The same, and no longer than whoever reads an error or a log can take in."""
    return printable(text if len(text) <= longest else f"{text[:longest]}…")


def _written_out(found: re.Match[str]) -> str:
    code = ord(found[0])
    # What Python read as a byte that is no text stands for that byte.
    if 0xDC80 <= code <= 0xDCFF:
        code -= 0xDC00
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
