"""Examples, at the end of each command's help."""


def examples(*lines: str) -> str:
    """What a command's epilog is: lines as they may be typed, none of them folded."""
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)
