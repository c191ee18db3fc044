"""What a service asks for a clip, as the user writes it. No price is known here: the table is the user's."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

ANY_MODEL: Final = "*"
"""In a table: every model that has no price of its own."""

_PRICE = re.compile(r"(?P<amount>\d+(\.\d+)?)\s*(?P<currency>[^\s\d/]{1,16})?\s*/\s*(?P<unit>clip|second)")


class Price(BaseModel):
    """``amount`` of ``currency`` for a clip, or for a second of video."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    amount: float = Field(ge=0)
    currency: str = Field("", max_length=16)
    unit: Literal["clip", "second"]

    @classmethod
    def parse(cls, text: str) -> Price:
        """``0.20 USD/clip`` or ``0.04 USD/second``; the currency is only a word and may be left out.

        Raises:
            ValueError: It is not written so.
        """
        found = _PRICE.fullmatch(text.strip())
        if found is None:
            raise ValueError(f"{text!r} is not a price; write 0.20 USD/clip or 0.04 USD/second")
        return cls.model_validate({name: found[name] or "" for name in ("amount", "currency", "unit")})

    def of(self, seconds: float) -> float:
        """What a clip of ``seconds`` costs."""
        return self.amount * (seconds if self.unit == "second" else 1.0)


def price_table(table: Any) -> Any:
    """A table as it may be written: a mapping of model to price, or texts ``MODEL=PRICE`` or, for all, ``PRICE``.

    Raises:
        ValueError: A price is not one.
    """
    if isinstance(table, str):
        table = [part for part in table.split(",") if part.strip()]
    if isinstance(table, list):
        pairs = [str(text).rpartition("=") for text in table]
        table = {model.strip() or ANY_MODEL: price.strip() for model, _, price in pairs}
    if isinstance(table, dict):
        for price in table.values():
            Price.parse(str(price))
    return table


PriceTable = Annotated[dict[str, str], BeforeValidator(price_table)]
