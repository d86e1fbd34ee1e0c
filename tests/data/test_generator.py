"""The influent generator: means, conservation, seeds, rain and storms."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from asm_hybrid.data.bsm import read_bsm_influent
from asm_hybrid.data.generator import generate_influent
from asm_hybrid.data.patterns import Holiday, InfluentSettings, Pattern, RainEvent, RandomRain
from asm_hybrid.data.sewer import first_flush, rainfall, reservoirs
from asm_hybrid.errors import InputError
from asm_hybrid.kinetics import load_table

BSM = Path(__file__).parents[3] / "shared" / "data" / "bsm"
needs_files = pytest.mark.skipif(not BSM.is_dir(), reason="the benchmark influents are not here")

STEP = 1 / 96
ASM1 = load_table("asm1")
STEADY = InfluentSettings(infiltration_season=0)
RAIN = replace(STEADY, rain=(RainEvent(8.4, 2.0, 30.0),), soil_area=0)
STORM = replace(STEADY, rain=(RainEvent(8.8, 1 / 24, 20.0),), soil_area=0)


def mean(frame, name):
    return np.average(frame[name], weights=frame["Q_in"])


@pytest.mark.parametrize("settings", [STEADY, InfluentSettings()])
def test_means_of_dry_weather_are_the_measured_ones(settings):
    frame = generate_influent(settings, ASM1, days=364)
    assert frame["Q_in"].mean() == pytest.approx(18446.0, rel=1e-12)
    for name in ("COD", "TKN", "TSS"):
        assert mean(frame, name) == pytest.approx(getattr(settings, name), rel=1e-11)
    assert mean(frame, "influent.S_NH") == pytest.approx(0.58 * 54.42, rel=1e-11)
    assert frame["influent.S_ALK"].to_numpy() == pytest.approx(7.0)
    assert frame["T"].mean() == pytest.approx(15, abs=1e-9)


def test_the_table_is_filled_and_sampled_every_15_minutes():
    frame = generate_influent(STEADY, ASM1, days=3)
    np.testing.assert_allclose(frame["time"], np.arange(288) / 96)
    names = [f"influent.{name}" for name in ASM1.component_names]
    assert list(frame) == ["time", "Q_in", "T", *names, "COD", "TKN", "TSS"]
    assert not frame[["influent.X_BA", "influent.S_O", "influent.S_N2"]].to_numpy().any()


def test_asm2d_holds_phosphorus():
    settings = replace(InfluentSettings.from_population(50_000), infiltration_season=0)
    frame = generate_influent(settings, load_table("asm2d"), days=7)
    load = frame["TP"] * frame["Q_in"]
    assert load.mean() == pytest.approx(1.8 * 50_000, rel=1e-9)
    assert (frame["influent.S_PO4"] > 0).all()
    assert frame["Q_in"].mean() == pytest.approx(50_000 * 0.15 / 0.67, rel=1e-9)


def test_values_are_positive_and_a_seed_gives_the_same_series():
    settings = replace(InfluentSettings(), rain=RandomRain(), noise=0.3, holiday=Holiday(20, 10, 0.5))
    first, again = (generate_influent(settings, ASM1, days=60, seed=4) for _ in range(2))
    assert first.equals(again)
    assert not first.equals(generate_influent(settings, ASM1, days=60, seed=5))
    used = ["Q_in", "T", "COD", "TKN", "TSS", *(f"influent.{n}" for n in ("S_I", "S_S", "X_S", "S_NH", "X_ND"))]
    assert (first[used] > 0).all(axis=None)
    assert (first >= 0).all(axis=None)


def test_rain_does_not_depend_on_noise():
    settings = replace(InfluentSettings(), rain=RandomRain())
    wet = [generate_influent(replace(settings, noise=n), ASM1, days=60)["Q_in"] for n in (0.0, 0.1)]
    dry = [generate_influent(replace(settings, noise=n, rain=()), ASM1, days=60)["Q_in"] for n in (0.0, 0.1)]
    np.testing.assert_allclose(wet[1] - dry[1], wet[0] - dry[0], atol=1e-7)


def test_noise_keeps_the_means():
    frame = generate_influent(replace(STEADY, noise=0.2), ASM1, days=364, seed=1)
    assert frame["Q_in"].mean() == pytest.approx(18446, rel=0.01)
    assert (frame["COD"] * frame["Q_in"]).mean() == pytest.approx(381.19 * 18446, rel=0.01)


def test_random_rain_falls_as_much_as_it_should():
    wet = generate_influent(replace(STEADY, rain=RandomRain(), soil_area=0), ASM1, days=3640, seed=0)["Q_in"]
    dry = generate_influent(STEADY, ASM1, days=3640)["Q_in"]
    depth = (wet - dry).sum() * STEP / 1125 / 10
    assert depth == pytest.approx(364 / 3 * 5, rel=0.1)


def test_reservoirs_conserve_and_smooth():
    rng = np.random.default_rng(0)
    inflow = np.concatenate([rng.exponential(size=(500, 2)), np.zeros((2000, 2))])
    inflow[0] = 0
    out = reservoirs(inflow, 0.2, 3, STEP)
    assert (out >= 0).all()
    np.testing.assert_allclose(out.sum(axis=0), inflow.sum(axis=0), rtol=1e-12)
    assert out.max() < 0.6 * inflow.max()
    np.testing.assert_allclose(reservoirs(np.full(50, 3.0), 0.2, 3, STEP), 3.0, rtol=1e-14)


def test_a_reservoir_answers_as_its_equation():
    inflow = np.zeros(300)
    inflow[1] = 1.0
    stored = 1 - np.exp(-STEP / 0.2)
    expected = stored * np.exp(-np.arange(298) * STEP / 0.2) * 0.2 / STEP * stored
    np.testing.assert_allclose(reservoirs(inflow, 0.2, 1, STEP)[2:], expected, rtol=1e-11)


def test_the_first_flush_conserves_mass():
    load, flow = np.ones(2000), np.full(2000, 0.3)
    flow[900:] = 1.5
    out = first_flush(load, flow, 0.25, 0.12, 500.0, 15.0, STEP)
    assert out[:900].sum() * STEP == pytest.approx(900 * STEP - 0.12, rel=1e-3)
    assert out[900] > 5
    assert out.sum() * STEP == pytest.approx(2000 * STEP, abs=1e-3)
    assert (out > 0).all()


def test_rain_is_spread_over_its_steps():
    time = np.arange(96) * STEP
    rain = rainfall([RainEvent(0.101, 0.3, 12.0), RainEvent(0.2, 0.001, 5.0)], time, STEP)
    assert rain.sum() * STEP == pytest.approx(17.0, rel=1e-12)


@pytest.mark.parametrize("settings", [RAIN, STORM])
def test_rain_adds_its_volume_and_dilutes_solubles(settings):
    dry = generate_influent(STEADY, ASM1, days=28)
    wet = generate_influent(settings, ASM1, days=28)
    depth = sum(event.depth for event in settings.rain)
    assert (wet["Q_in"] - dry["Q_in"]).sum() * STEP == pytest.approx(depth * 1125, rel=1e-9)
    at = int(wet["Q_in"].argmax())
    for name in ("S_I", "S_S", "S_NH", "S_ALK"):
        assert wet[f"influent.{name}"][at] < 0.7 * dry[f"influent.{name}"][at]
    # Rain brings no load, and none is lost: what had settled before is replaced afterwards.
    for name in ("COD", "TKN", "TSS"):
        assert (wet[name] * wet["Q_in"]).sum() == pytest.approx((dry[name] * dry["Q_in"]).sum(), rel=2e-3)


def test_the_first_flush_raises_particulate_matter():
    wet = generate_influent(STORM, ASM1, days=14)
    without = generate_influent(replace(STORM, settleable=0), ASM1, days=14)
    during = (wet["time"] > 8.8) & (wet["time"] < 9.0)
    load, plain = (f["influent.X_S"] * f["Q_in"] for f in (wet, without))
    assert load[during].max() > 1.5 * plain[during].max()
    assert (wet["TSS"] / without["TSS"])[during].max() > 1.5
    np.testing.assert_allclose(wet["influent.S_NH"], without["influent.S_NH"], rtol=1e-12)


def test_a_shower_raises_suspended_solids_above_dry_weather():
    shower = replace(STORM, rain=(RainEvent(8.2, 1 / 24, 3.0),))
    wet, dry = (generate_influent(s, ASM1, days=14) for s in (shower, STEADY))
    assert 1.5 < (wet["TSS"] / dry["TSS"]).max() < 2.5
    assert (wet["influent.S_NH"] / dry["influent.S_NH"]).min() < 0.4


def test_soil_delays_rain():
    soil = generate_influent(replace(RAIN, soil_area=112.5, impervious_area=0), ASM1, days=28)["Q_in"]
    surface = generate_influent(RAIN, ASM1, days=28)["Q_in"]
    dry = generate_influent(STEADY, ASM1, days=28)["Q_in"]
    assert (soil - dry).max() < 0.5 * (surface - dry).max()
    assert (soil - dry).argmax() > 10.3 * 96


def test_week_holiday_and_seasons():
    frame = generate_influent(replace(InfluentSettings(), holiday=Holiday(175, 21, 0.5)), ASM1, days=364)
    daily = (frame["COD"] * frame["Q_in"]).groupby(frame["time"].round(6) // 1).mean()
    # The sewer carries Friday's evening into Saturday.
    assert daily[5] < 0.8 * daily[3]
    assert daily[179] == pytest.approx(0.5 * daily[165], rel=0.02)
    warmest = frame["time"][frame["T"].argmax()]
    assert warmest == pytest.approx(207, abs=1.5)
    weekly = frame["Q_in"].groupby(frame["time"].round(6) // 7).mean()
    assert weekly[2] / weekly[28] == pytest.approx(1 + 2 * 0.17 * 0.33, abs=0.01)


def test_the_start_day_shifts_the_calendar():
    year = generate_influent(InfluentSettings(), ASM1, days=220)["T"][205 * 96 : 215 * 96]
    part = generate_influent(InfluentSettings(), ASM1, days=10, start_day=205)
    np.testing.assert_allclose(part["T"] - part["T"].mean(), year - year.mean(), atol=1e-12)
    daily = part["Q_in"].groupby(part["time"].round(6) // 1).mean()
    assert set(daily.nsmallest(2).index) == {3, 4}  # day 205 is a Wednesday


@pytest.mark.parametrize(("days", "start_day"), [(14, 0), (14, 180), (9, 33), (5, 0), (3, 4), (1, 6)])
def test_what_is_written_is_what_is_simulated(days, start_day):
    """Means are those of the series, whatever weekdays and season it has."""
    settings = InfluentSettings(flow=9000.0, temperature=14.0, COD=500.0)
    frame = generate_influent(settings, ASM1, days=days, start_day=start_day)
    assert frame["T"].mean() == pytest.approx(14.0, abs=1e-9)
    assert frame["Q_in"].mean() == pytest.approx(9000.0, rel=0.02)
    assert mean(frame, "COD") == pytest.approx(500.0, rel=0.02)
    assert mean(frame, "influent.S_ALK") == pytest.approx(7.0, rel=1e-9)


def test_means_may_be_those_of_a_part():
    frame = generate_influent(InfluentSettings(temperature=9.0), ASM1, days=60, mean_days=10)
    assert frame["T"][: 10 * 96].mean() == pytest.approx(9.0, abs=1e-9)
    assert frame["T"].mean() != pytest.approx(9.0, abs=0.01)


def test_water_does_not_freeze():
    generate_influent(InfluentSettings(temperature=3.0), ASM1, days=14)
    with pytest.raises(InputError, match="falls to -2"):
        generate_influent(InfluentSettings(temperature=3.0), ASM1, days=364)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"flow": -1.0}, "flow is -1.0"),
        ({"COD": float("nan")}, "COD is nan"),
        ({"sewage": "grey"}, "sewage is 'grey'"),
        ({"infiltration": 1.0}, "infiltration is 1.0"),
        ({"sewer_reservoirs": -1}, "sewer_reservoirs is -1"),
        ({"temperature": float("nan")}, "temperature is nan"),
        ({"noise": -0.1}, "noise is -0.1"),
    ],
)
def test_settings_that_cannot_be(changes, words):
    with pytest.raises(InputError, match=words) as caught:
        replace(InfluentSettings(), **changes)
    assert "expected:" in str(caught.value)


def test_parts_of_settings_that_cannot_be():
    with pytest.raises(InputError, match="hours is"):
        Pattern((1.0, 2.0), 1.0)
    with pytest.raises(InputError, match="depth of the rain is 0"):
        RainEvent(1.0, 0.1, 0.0)
    with pytest.raises(InputError, match="interval of the rain is 0"):
        RandomRain(interval=0.0)
    with pytest.raises(InputError, match="start of the holiday is 400"):
        Holiday(400, 10, 0.9)


def test_what_cannot_be_generated():
    with pytest.raises(InputError, match=r"a rain event starts at 8.4 d"):
        generate_influent(RAIN, ASM1, days=5)
    with pytest.raises(InputError, match="days is 0"):
        generate_influent(STEADY, ASM1, days=0)
    with pytest.raises(InputError, match="S_S would be negative"):
        generate_influent(replace(STEADY, TSS=320.0), ASM1, days=5)
    with pytest.raises(InputError, match="cannot be fractionated"):
        generate_influent(STEADY, load_table("lotka_volterra"), days=5)


# BSM1's dry influent gave the default patterns, so that nearness is no proof of anything but that they were kept.
@needs_files
def test_the_diurnal_range_is_near_that_of_bsm1():
    bsm = read_bsm_influent(BSM / "bsm1_asm1_Inf_dry.txt").frame.iloc[:1344]
    own = generate_influent(STEADY, ASM1, days=14)
    for name in ("Q_in", "influent.S_S", "influent.X_S", "influent.S_NH"):
        for share in (0.05, 0.5, 0.95):
            assert own[name].quantile(share) == pytest.approx(bsm[name].quantile(share), rel=0.15)
