import pytest

from vid_diffusion_bench.config import BenchmarkConfig
from vid_diffusion_bench.exceptions import ValidationError
from vid_diffusion_bench.prices import Price
from vid_diffusion_bench.settings import load_settings, save_setting


@pytest.mark.parametrize(
    ("text", "price", "of_four_seconds"),
    [
        ("0.20 USD/clip", Price(amount=0.2, currency="USD", unit="clip"), 0.2),
        ("0.04EUR/second", Price(amount=0.04, currency="EUR", unit="second"), 0.16),
        ("3 / clip", Price(amount=3, unit="clip"), 3),
    ],
)
def test_a_price_is_read_as_it_is_written(text, price, of_four_seconds):
    assert Price.parse(text) == price
    assert price.of(4.0) == pytest.approx(of_four_seconds)


@pytest.mark.parametrize("text", ["", "free", "0.2", "0.2 USD/hour", "-1 USD/clip", "nan USD/clip"])
def test_anything_else_is_no_price(text):
    with pytest.raises(ValidationError, match="not a price"):
        BenchmarkConfig.create(models=["m"], prompts=["p"], price={"m": text})


@pytest.mark.parametrize("table", [{"a": "1/clip", "*": "2/clip"}, ["a=1/clip", "2/clip"], "a=1/clip, 2/clip"])
def test_a_table_may_be_a_mapping_a_list_or_a_text(table):
    config = BenchmarkConfig.create(models=["a", "b"], prompts=["p"], price=table)
    assert [config.price_of(name).amount for name in ("a", "b")] == [1, 2]
    assert BenchmarkConfig.create(models=["a"], prompts=["p"]).price_of("a") is None


def test_a_models_name_may_hold_an_equals_sign():
    config = BenchmarkConfig.create(models=["a"], prompts=["p"], price=["endpoint:http://h/v1?form=job#m=1/clip"])
    assert config.price_of("endpoint:http://h/v1?form=job#m").amount == 1


def test_the_settings_keep_a_table(monkeypatch):
    save_setting("price", "pika=0.20 USD/clip")
    assert load_settings().price == {"pika": "0.20 USD/clip"}
    monkeypatch.setenv("VIDBENCH_PRICE", "pika=0.45 USD/clip, 0.1 USD/second")
    assert load_settings().price == {"pika": "0.45 USD/clip", "*": "0.1 USD/second"}
