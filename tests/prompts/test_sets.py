"""The standard prompt sets (S04)."""

from __future__ import annotations

import hashlib
import json
from collections import Counter

import pytest

from vid_diffusion_bench import BenchmarkConfig, StandardPrompts
from vid_diffusion_bench.exceptions import ValidationError
from vid_diffusion_bench.prompts import list_prompt_sets, prompt_set
from vid_diffusion_bench.world.captions import parse
from vid_diffusion_bench.world.scene import BACKGROUNDS, COLORS, MOTIONS, SHAPES, contradiction

FINGERPRINTS = {
    "cinematic-v1": "a328e1d10611affeff181cd8b0e0174ae0944cea35728b574663742f72569fcc",
    "composition-v1": "85142d101b41169171b8836e145b3694776a027a34e639325d5099c92892d78a",
    "diverse-v2": "9324d6f5af71425dff6dcebb1cc0304c322054355671f666318d3fc490bb4097",
    "motion-v1": "880c0d1164b0b3f8d0a9f0de9d82ec9928945f48e4717be142e1a0c6e600fdb2",
    "multilingual-v1": "5635a3d69ed84ac06ebc5763bc05f09c7156962279db8c1f70f5a071d738f8ef",
    "shapes-demo": "bdeb23046b8687f54662f40a2b1149551c48c61125b3414d763900ac2ea7553a",
    "shapes-v1": "e5ba77e567c1bfd472911a3a93c58338cec402ee8a52b4337a64e3478062701e",
}


@pytest.mark.parametrize("name", FINGERPRINTS)
def test_a_published_set_never_changes(name):
    """A changed prompt belongs into a new set with a new name; this pin is what says so."""
    assert prompt_set(name).fingerprint == FINGERPRINTS[name]


def test_fingerprint_is_the_hash_of_the_prompts_in_order():
    prompts = prompt_set("shapes-demo")
    expected = hashlib.sha256(json.dumps(list(prompts), ensure_ascii=False).encode()).hexdigest()
    assert prompts.fingerprint == expected


def test_every_set_is_listed_and_pinned():
    assert {entry.name for entry in list_prompt_sets()} == set(FINGERPRINTS)


@pytest.mark.parametrize("name", FINGERPRINTS)
def test_every_set_is_one_a_benchmark_takes(name):
    prompts = prompt_set(name)
    assert len(set(prompts)) == len(prompts) > 0
    assert prompts.description
    assert prompts.version >= 1
    assert sum(len(prompts.category(category)) for category in prompts.categories) == len(prompts)
    assert BenchmarkConfig(models=["m"], prompts=list(prompts)).prompts == list(prompts)


def test_a_set_slices_like_a_list_of_str():
    first = StandardPrompts.DIVERSE_SET_V2[:5]
    assert type(first) is list
    assert first == [StandardPrompts.DIVERSE_SET_V2[i] for i in range(5)]
    assert StandardPrompts.CINEMATIC_SET[-1] == list(StandardPrompts.CINEMATIC_SET)[-1]


def test_attribute_and_name_are_the_same_set():
    assert StandardPrompts.SHAPES_V1 is prompt_set("SHAPES_V1") is prompt_set("shapes-v1")


def test_an_unknown_set_names_the_nearest():
    with pytest.raises(ValidationError) as caught:
        prompt_set("cinematc-v1")
    assert "cinematic-v1" in (caught.value.remedy or "")


def test_an_unknown_category_names_those_there_are():
    with pytest.raises(ValidationError) as caught:
        StandardPrompts.DIVERSE_SET_V2.category("dragons")
    assert "animals" in (caught.value.remedy or "")


def test_shapes_captions_say_everything_and_contradict_nothing():
    for prompt in StandardPrompts.SHAPES_V1:
        attributes = parse(prompt)
        assert contradiction(attributes) is None
        assert None not in (attributes.shape, attributes.color, attributes.background, attributes.motion), prompt


def test_shapes_captions_cover_the_world_evenly():
    said = [parse(prompt) for prompt in StandardPrompts.SHAPES_V1]
    for field, values in {"shape": SHAPES, "color": COLORS, "background": BACKGROUNDS, "motion": MOTIONS}.items():
        counts = Counter(getattr(attributes, field) for attributes in said)
        assert set(counts) == set(values)
        assert max(counts.values()) - min(counts.values()) <= 2, (field, counts)


def test_shapes_categories_are_the_motions():
    for motion in MOTIONS:
        assert {parse(prompt).motion for prompt in StandardPrompts.SHAPES_V1.category(motion)} == {motion}


def test_the_demo_is_part_of_the_whole():
    assert set(StandardPrompts.SHAPES_DEMO) < set(StandardPrompts.SHAPES_V1)


def test_every_language_says_the_same_number_of_scenes():
    prompts = StandardPrompts.MULTILINGUAL_SET
    assert {len(prompts.category(language)) for language in prompts.categories} == {4}
