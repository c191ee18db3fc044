"""What clips cost, by prices that the user gives; none is known here.

Two that are no kinds of one: :class:`MachinePrices` are of time and electricity on a machine of one's own, and the cost
follows from what was measured; a :class:`Price` is what a service asks for a clip, however long it took.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

ANY_MODEL: Final = "*"
"""In a table: every model that has no price of its own."""

_PRICE = re.compile(r"(?P<amount>\d+(\.\d+)?)\s*(?P<currency>[^\s\d/]{1,16})?\s*/\s*(?P<unit>clip|second)")


class MachinePrices(BaseModel):
    """What the user pays for this machine. Nothing is assumed: what is ``None`` is not counted.

    ``price_per_hour`` is for the machine (a rented one's price usually includes its electricity), ``price_per_kwh`` for
    electricity; both together are added. ``currency`` is only a word beside the figures.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    price_per_hour: float | None = Field(None, ge=0)
    price_per_kwh: float | None = Field(None, ge=0)
    currency: str = Field("", max_length=16)

    @property
    def given(self) -> bool:
        return self.price_per_hour is not None or self.price_per_kwh is not None


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
