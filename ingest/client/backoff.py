"""The formula of exponential backoff; what is random in a pause is added by its user."""


def exponential(tries: int, base: float, growth: float, cap: float) -> float:
    """``min(base * growth ** (tries - 1), cap)``: the pause after so many failed tries, in the unit of `base`."""
    try:
        grown = base * growth ** (tries - 1)
    except OverflowError:
        return cap
    return min(grown, cap)
