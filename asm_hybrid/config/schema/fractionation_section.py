"""Section ``plant.influent.fractionation``: how measured sums become components of the influent."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from asm_hybrid.config.schema.section import Section, refuse
from asm_hybrid.plant.families import COD_FRACTIONS, FRACTIONS

__all__ = ["FractionationSection"]

TOLERANCE = 1e-9
"""How far fractions may be from a sum of 1."""

Share = Annotated[float, Field(ge=0, le=1)]


def _share(what: str) -> Any:
    return Field(default=None, description=f"{what} [-]; default that of the type.")


class FractionationSection(Section):
    """Shares by which COD, TKN and TP are split into components; what is not given is that of the type.

    Attributes
    ----------
    type : str
        ``"raw"`` or ``"settled"``.
    f_SI, f_SS, f_XI, f_XH, f_XS : float
        Shares of COD [-], which add to 1.
    f_SA, f_SND, f_SNH : float or None
        Shares of readily biodegradable COD, of biodegradable organic nitrogen, and of TKN [-].
    tss : str
        ``"check"`` or ``"scale"``.
    """

    type: Literal["raw", "settled"] = Field(description="Kind of sewage that lends its shares: raw or settled.")
    f_SI: Share | None = _share("Share of COD that is soluble and inert")
    f_SS: Share | None = _share("Share of COD that is readily biodegradable")
    f_XI: Share | None = _share("Share of COD that is particulate and inert")
    f_XH: Share | None = _share("Share of COD that is heterotrophic biomass")
    f_XS: Share | None = Field(
        default=None, description="Share of COD that is slowly biodegradable [-]; default what the others leave."
    )
    f_SA: Share | None = _share("Share of the readily biodegradable COD that is acetate, in ASM2d")
    f_SND: Share | None = _share("Share of the biodegradable organic nitrogen that is soluble, in ASM1")
    f_SNH: Annotated[float, Field(gt=0, le=1)] | None = Field(
        default=None, description="Share of TKN that is ammonium [-], in ASM1, where only one of the two is measured."
    )
    tss: Literal["check", "scale"] = Field(
        default="check",
        description="What a measured influent.TSS does: check compares it with the components; scale lets it decide "
        "how much of COD is particulate.",
    )

    @model_validator(mode="before")
    @classmethod
    def _fill(cls, value: Any) -> Any:
        """Fill in the shares of the type."""
        defaults = FRACTIONS.get(str(value.get("type"))) if isinstance(value, dict) else None
        if defaults is None:
            return value
        given = {name: share for name, share in value.items() if share is not None}
        filled = {**{name: share for name, share in defaults.items() if name != "f_XS"}, **given}
        others = [filled[name] for name in COD_FRACTIONS if name != "f_XS"]
        if "f_XS" not in given and all(type(share) in (int, float) for share in others) and sum(others) <= 1:
            filled["f_XS"] = 1 - sum(others)
        return filled

    @model_validator(mode="after")
    def _whole(self) -> Self:
        others = sum(self.shares[name] for name in COD_FRACTIONS if name != "f_XS")
        if self.f_XS is None:
            raise refuse(
                f"f_SI, f_SS, f_XI and f_XH add to {others:g}",
                "a sum of at most 1: f_XS is what they leave",
                "make one of them smaller",
            )
        if abs(others + self.f_XS - 1) > TOLERANCE:
            fix = f"leave out f_XS, which then is {1 - others:g}" if others <= 1 else "make one of them smaller"
            raise refuse(
                f"f_SI, f_SS, f_XI, f_XS and f_XH add to {others + self.f_XS:g}", "shares of COD that add to 1", fix
            )
        return self

    @property
    def shares(self) -> dict[str, float]:
        """Shares by name, without those that are not set."""
        names = (*COD_FRACTIONS, "f_SA", "f_SND", "f_SNH")
        return {name: getattr(self, name) for name in names if getattr(self, name) is not None}
