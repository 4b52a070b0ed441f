"""How many there are of something, in words."""


def counted(number: int, one: str, several: str | None = None) -> str:
    """1 trade, 2 trades."""
    return f"{number:,} {one if number == 1 else several or f'{one}s'}"
