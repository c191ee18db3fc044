"""Names fold, aliases resolve, lazy entries load on use, unknown names raise with neighbours."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vid_diffusion_bench.exceptions import MissingDependencyError
from vid_diffusion_bench.registry import Registry, fold


class UnknownNameError(Exception):
    pass


def unknown(name, known, nearest):
    return UnknownNameError(name, known, nearest)


@pytest.fixture
def registry() -> Registry:
    registry: Registry = Registry("thing", error=unknown)
    registry.register("svd-xt", 1, aliases=["svd_xt_1_1", "svd-xt-1.1"])
    registry.register("root", "math:sqrt")
    return registry


@pytest.mark.parametrize("spelling", ["svd-xt", "SVD_XT", " svd xt ", "svd_xt_1_1", "svd-xt-1.1", "svd.xt.1.1"])
def test_spellings_and_aliases_resolve(registry, spelling):
    assert registry.resolve(spelling) == "svd-xt"
    assert registry.get(spelling) == 1
    assert spelling in registry


def test_a_lazy_entry_is_imported_on_use(registry):
    assert registry.get("root") is math.sqrt


def test_an_unknown_name_raises_what_the_owner_chose_with_neighbours(registry):
    with pytest.raises(UnknownNameError) as caught:
        registry.get("svd-xl")
    assert caught.value.args == ("svd-xl", ["svd-xt", "root"], ["svd-xt"])
    assert "svd-xl" not in registry
    assert 3 not in registry


def test_an_entry_may_take_an_alias_over_and_be_removed(registry):
    registry.register("svd-xt-1-1", 2)
    assert registry.get("svd_xt_1_1") == 2
    registry.unregister("svd-xt")
    assert "svd-xt" not in registry
    assert registry.get("svd-xt-1.1") == 2


def test_entry_points_are_read_and_do_not_replace_built_ins():
    registry: Registry = Registry("script", group="console_scripts", error=unknown)
    registry.register("vid-bench", "math:pi")
    assert registry.get("vid-bench") == math.pi
    assert "vid-diffusion-bench" in registry.names()


@given(st.text(min_size=1))
def test_folding_is_idempotent(name):
    assert fold(fold(name)) == fold(name)


@pytest.mark.parametrize("place", ["no_such_module:thing", "math:no_such_thing", "math"])
def test_what_cannot_be_imported_is_named_with_a_remedy(registry, place):
    registry.register("gone", place)
    with pytest.raises(MissingDependencyError, match=f"the thing gone is registered as {place}") as caught:
        registry.get("gone")
    assert "uninstall the package" in caught.value.remedy
