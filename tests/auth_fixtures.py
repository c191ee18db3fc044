from functools import partial

import pytest

from vid_diffusion_bench.auth import passwords


@pytest.fixture
def cheap_passwords(monkeypatch):
    """Argon2id at its least cost, for tests of what happens around it."""
    cheap = partial(passwords.Argon2Hasher, time_cost=1, memory_cost=8, parallelism=1)
    monkeypatch.setattr(passwords, "Argon2Hasher", cheap)
