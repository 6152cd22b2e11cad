"""A life stage in the words of Camtrap DP, which has three; Darwin Core takes any."""

_CAMTRAP = {"adult": "adult", "subadult": "subadult", "larva": "juvenile", "nymph": "juvenile", "juvenile": "juvenile"}


def of_camtrap(stage: str) -> str:
    """Larva and nymph are juvenile; egg, pupa and whatever else stay a tag of the observation."""
    return _CAMTRAP.get(stage, "")
