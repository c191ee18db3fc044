"""What a verification says, for tests to ask."""


def told(found):
    """What does not agree, by name."""
    return [difference.what for difference in found.differences]


def outcomes(found, part=None):
    return {check.name: check.outcome for check in found.checks if part in (None, check.part)}
