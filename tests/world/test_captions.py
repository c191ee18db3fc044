"""Every combination survives the way to a sentence and back; any other text parses too."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vid_diffusion_bench.world.captions import HELD_OUT, NUM_TEMPLATES, TRAINED, VALID, caption, parse, vocabulary
from vid_diffusion_bench.world.scene import Attributes, contradiction


@pytest.mark.parametrize("template", range(NUM_TEMPLATES))
def test_every_combination_round_trips(template: int) -> None:
    assert all(parse(caption(attributes, template)) == attributes for attributes in VALID)


@pytest.mark.parametrize("template", range(NUM_TEMPLATES))
@pytest.mark.parametrize("left_out", ["shape", "color", "background", "speed"])
def test_partial_descriptions_round_trip(template: int, left_out: str) -> None:
    for full in VALID[::7]:
        partial = Attributes(**{name: value for name, value in full.named().items() if name != left_out})
        assert parse(caption(partial, template)) == partial


def test_a_sentence_of_the_readme() -> None:
    expected = Attributes("circle", "red", "blue", "left", None)
    assert parse("a red circle moving left on a blue background") == expected
    assert parse("A RED circle, moving left; on blue.") == expected


def test_a_colour_before_the_shape_is_not_the_background() -> None:
    assert parse("a blue circle") == Attributes(shape="circle", color="blue")
    assert parse("on blue square") == Attributes(shape="square", color="blue")


def test_text_outside_the_world_names_nothing() -> None:
    assert parse("A serene lake at sunset with mountains") == Attributes()
    assert parse("") == Attributes()


@given(st.text())
def test_any_text_parses_to_something_that_can_be_shown(prompt: str) -> None:
    assert contradiction(parse(prompt)) is None


@given(st.lists(st.sampled_from(vocabulary()), max_size=12))
def test_any_order_of_known_words_parses_to_something_that_can_be_shown(words: list[str]) -> None:
    assert contradiction(parse(" ".join(words))) is None


def test_held_out_combinations_are_apart_from_the_trained_ones() -> None:
    triples = {(a.shape, a.color, a.motion) for a in HELD_OUT}
    assert triples
    assert not triples & {(a.shape, a.color, a.motion) for a in TRAINED}
    assert len(HELD_OUT) + len(TRAINED) == len(VALID)
    assert {a.shape for a in HELD_OUT} == {a.shape for a in TRAINED}
