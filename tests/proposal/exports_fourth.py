"""Eight exports of somebody else, never tuned on: two were wrong in silence then, and one stopped the program."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import xlsxwriter
from export_files import number, text
from export_record import Export, plant

TANKS = {"anoxic": {"volume": 1500}, "aerobic": {"volume": 3000}}
AERATED = {"anoxic": {"volume": 1500}, "aerobic": {"volume": 3000, "kla": 120}}
RAW = {"type": "raw", "f_SNH": 0.6}


def american_trend(folder: Path, data: pd.DataFrame) -> list[Path]:
    """Lines above the header that are wider than it, 12 hours, MGD, °F, gpm, µg/L, lowest and highest values."""
    lines = [
        '"City WRF","Daily Ops Trend",,,,,,,,,,',
        "Report generated 3/10/2024 8:00:00 AM,,,,,,,,,,,,",
        "Time,Plant Influent Flow (MGD),Basin Temp (°F),Aerobic DO (mg/L),Aerobic DO (% sat),Aerobic NH4-N Min (mg/L),"
        "Aerobic NH4-N Max (mg/L),Aerobic NH4-N Avg (mg/L),RAS Flow (gpm),Influent COD Load (lb/d),"
        "Effluent NO3-N (ug/L),",
    ]
    for s, r in zip(data.index, data.to_dict("records"), strict=True):
        hour = s.strftime("%I").lstrip("0")
        values = [
            (r["Q"] / 3785.411784, 4), (r["T"] * 1.8 + 32, 2), (r["DO_2"], 2), (r["DO_2"] / 9 * 100, 1),
            (r["NH4"] * 0.6, 2), (r["NH4"] * 1.5, 2), (r["NH4"], 2), (r["RAS"] / 5.450992969, 1),
            (r["Q"] * r["COD_in"] / 453.6, 0), (r["NO3_out"] * 1000, 0),
        ]  # fmt: skip
        stamp = f"{s.month}/{s.day}/{s.year} {hour}:{s:%M:%S} {s:%p}"
        lines.append(",".join([stamp, *(number(*pair) for pair in values), ""]))
    return text(folder / "trend.csv", lines)


def german_diary(folder: Path, data: pd.DataFrame) -> list[Path]:
    """Semicolons at the end, points between thousands, l/s, µg/l, loads in kg/d, date and time apart."""
    lines = [
        "Datum;Uhrzeit;Zufluss Menge [l/s];Temp. Belebung [°C];O2 BB1 [mg/l];O2 BB2 [mg/l];NH4-N BB2 [mg/l];"
        "NH4-N Zulauf Fracht [kg/d];TS BB2 [mg/l];PO4-P Ablauf [µg/l];NO3-N Ablauf [mg/l];Rücklaufschlamm [m³/h];"
    ]
    for s, r in zip(data.index, data.to_dict("records"), strict=True):
        values = [
            (r["Q"] / 86.4, 1), (r["T"], 1), (r["DO_1"], 2), (r["DO_2"], 2), (r["NH4"], 2),
            (r["Q"] * r["NH4_in"] / 1000, 1), (r["MLSS"], 0), (r["PO4"] * 1000, 0), (r["NO3_out"], 2),
            (r["RAS"] / 24, 0),
        ]  # fmt: skip
        cells = (number(*pair, decimal=",", thousands=".") for pair in values)
        lines.append(";".join([f"{s.day}.{s.month}.{s.year}", f"{s:%H:%M}", *cells, ""]))
    return text(folder / "Betriebstagebuch.csv", lines, "cp1252")


def chinese_merged(folder: Path, data: pd.DataFrame) -> list[Path]:
    """Cells merged upwards and sidewards, flows in 10 000 m3/d, a sheet of a picture beside."""
    path = folder / "日报.xlsx"
    with xlsxwriter.Workbook(str(path)) as book:
        sheet, middle = book.add_worksheet("生产日报"), book.add_format({"align": "center"})
        dates = book.add_format({"num_format": "yyyy/m/d hh:mm"})
        sheet.merge_range(0, 0, 0, 7, "某某污水处理厂运行日报", middle)
        for k, name in ((0, "时间"), (1, "进水量(万m³/d)"), (7, "水温(℃)")):
            sheet.merge_range(1, k, 2, k, name, middle)
        sheet.merge_range(1, 2, 1, 4, "好氧池", middle)
        sheet.merge_range(1, 5, 1, 6, "出水", middle)
        sheet.write_row(2, 2, ["DO(mg/L)", "氨氮(mg/L)", "MLSS(mg/L)", "NH3-N(mg/L)", "SS(mg/L)"])
        for i, (s, r) in enumerate(zip(data.index, data.to_dict("records"), strict=True), start=3):
            sheet.write_datetime(i, 0, s.to_pydatetime(), dates)
            names = ("DO_2", "NH4", "MLSS", "NH4_out", "TSS_out", "T")
            sheet.write_row(i, 1, [round(v, 4) for v in (r["Q"] / 1e4, *(r[name] for name in names))])
        picture = book.add_chart({"type": "line"})
        picture.add_series({"values": ["生产日报", 3, 1, 20, 1]})
        book.add_chartsheet("趋势").set_chart(picture)
    return [path]


def side_by_side(folder: Path, data: pd.DataFrame) -> list[Path]:
    """Samples of a logger, and beside them those of a laboratory with their own dates."""
    path, daily = folder / "plant log.xlsx", data.iloc[16::48]
    with xlsxwriter.Workbook(str(path)) as book:
        sheet, dates = book.add_worksheet("Data"), book.add_format({"num_format": "d-mmm-yy hh:mm"})
        parts: list[tuple[int, pd.DataFrame, list[tuple[str, str, float]]]] = [
            (
                0,
                data,
                [("Influent flow (m3/h)", "Q", 1 / 24), ("Aerobic DO (mg/l)", "DO_2", 1), ("Water temp (°C)", "T", 1)],
            ),
            (5, daily, [("Influent COD (mg/l)", "COD_in", 1), ("Effluent TSS (mg/l)", "TSS_out", 1)]),
        ]
        for first, frame, columns in parts:
            sheet.write_row(0, first, ["Date", *(name for name, _, _ in columns)])
            for i, (s, r) in enumerate(zip(frame.index, frame.to_dict("records"), strict=True), start=1):
                sheet.write_datetime(i, first, s.to_pydatetime(), dates)
                sheet.write_row(i, first + 1, [round(r[key] * factor, 3) for _, key, factor in columns])
    return [path]


def french_thousands(folder: Path, data: pd.DataFrame) -> list[Path]:
    """Flows in 1000 m3/d, mg NH4/l and mg NO3/l, spaces between thousands, 08h30."""
    lines = [
        "Station de Villeneuve;;;;;;",
        "Date et heure;Débit entrée (x1000 m3/j);Température eau (°C);O2 dissous bassin aération (mg/l);"
        "NH4 bassin aération (mg NH4/l);NO3 sortie (mg NO3/l);Débit recirculation boues (m3/j);MES sortie (mg/l);"
        "Charge NTK entrée (kg/j)",
    ]
    for s, r in zip(data.index, data.to_dict("records"), strict=True):
        values = [
            (r["Q"] / 1000, 3), (r["T"], 1), (r["DO_2"], 2), (r["NH4"] * 18.039 / 14.007, 2),
            (r["NO3_out"] * 62.004 / 14.007, 2), (r["RAS"], 0), (r["TSS_out"], 1), (r["Q"] * r["TKN_in"] / 1000, 0),
        ]  # fmt: skip
        cells = (number(*pair, decimal=",", thousands=" ") for pair in values)
        lines.append(";".join([f"{s:%d/%m/%Y %Hh%M}", *cells]))
    return text(folder / "suivi.csv", lines)


def two_inlets(folder: Path, data: pd.DataFrame) -> list[Path]:
    """A row for each value, descriptions and units beside, two inlets, 'Bad' with 9999."""
    tags: list[tuple[str, str, str, str, float, float]] = [
        ("FIT-101", "Influent flow Q1", "m3/h", "Q", 0.6 / 24, 0),
        ("FIT-102", "Influent flow Q2", "m3/h", "Q", 0.4 / 24, 0),
        ("AIT-201", "Aerobic tank DO", "mg/l", "DO_2", 1, 0),
        ("AIT-202", "Aerobic tank NH4-N", "mg/l", "NH4", 1, 0),
        ("TT-201", "Water temperature", "degF", "T", 1.8, 32),
        ("FIT-301", "RAS flow", "l/s", "RAS", 1 / 86.4, 0),
    ]
    lines = ["Timestamp,Tag,Description,Units,Value,Status"]
    for j, (s, r) in enumerate(zip(data.index, data.to_dict("records"), strict=True)):
        for tag, described, unit, name, factor, zero in tags:
            value = "9999,Bad" if j % 97 == 5 else f"{number(r[name] * factor + zero, 2)},Good"
            lines.append(f"{s.day}-{s:%b-%y %H:%M:%S},{tag},{described},{unit},{value}")
    return text(folder / "pi.csv", lines)


def indian_log(folder: Path, data: pd.DataFrame) -> list[Path]:
    """Days such as 1-Feb-24, MLD, groups of columns, lowest, highest and mean sludge."""
    lines = [
        "STP 40 MLD,,,,,,,,,,",
        "Date,Inlet flow,Inlet,Inlet,Inlet,Aeration tank,Aeration tank,Aeration tank,Outlet,Outlet",
        "Time,Avg (MLD),COD (mg/l),TKN (mg/l),TSS (mg/l),MLSS Min (mg/l),MLSS Max (mg/l),MLSS Avg (mg/l),NH3-N (mg/l),"
        "TSS (mg/l)",
    ]
    for s, r in zip(data.index, data.to_dict("records"), strict=True):
        values = [
            (r["Q"] / 1000, 3), (r["COD_in"], 0), (r["TKN_in"], 1), (r["TSS_in"], 0), (r["MLSS"] * 0.9, 0),
            (r["MLSS"] * 1.1, 0), (r["MLSS"], 0), (r["NH4_out"], 2), (r["TSS_out"], 1),
        ]  # fmt: skip
        lines.append(",".join([f"{s.day}-{s:%b-%y}", *(number(*pair) for pair in values)]))
    return text(folder / "stp.csv", lines)


def whole_numbers(folder: Path, data: pd.DataFrame) -> list[Path]:
    """Whole numbers alone, with points between thousands: nothing tells them from decimals."""
    lines = ["Zeitpunkt;Zulauf Q (m3/d);Rücklaufschlamm Q (m3/d);MLSS aerobic (mg/l)"]
    for s, r in zip(data.index, data.to_dict("records"), strict=True):
        cells = (number(r[name], 0, thousands=".") for name in ("Q", "RAS", "MLSS"))
        lines.append(";".join([f"{s:%d.%m.%Y %H:%M}", *cells]))
    return text(folder / "Q.csv", lines)


def _leap(seed: int, **more: Any) -> dict[str, Any]:
    return {"start": "2024-02-01", "seed": seed, **more}


EXPORTS = (
    Export(
        "american_trend",
        "American SCADA",
        american_trend.__doc__ or "",
        american_trend,
        plant(TANKS, ("Q_in", "T", "return_sludge")),
        {
            **{"Q_in": "Q", "T": "T", "return_sludge": "RAS", "aerobic.S_O": "DO_2", "aerobic.S_NH": "NH4"},
            "effluent.S_NO": "NO3_out",
        },
        zone="-06:00",
        ahead=-6,
        record=_leap(51),
        rest=("Aerobic NH4-N Min", "Aerobic NH4-N Max", "Aerobic DO (% sat)"),
    ),
    Export(
        "german_diary",
        "German diary of operation",
        german_diary.__doc__ or "",
        german_diary,
        plant({"BB1": {"volume": 1500}, "BB2": {"volume": 3000}}, ("Q_in", "T", "return_sludge")),
        {
            **{"Q_in": "Q", "T": "T", "return_sludge": "RAS", "BB1.S_O": "DO_1", "BB2.S_O": "DO_2", "BB2.S_NH": "NH4"},
            **{"BB2.TSS": "MLSS", "effluent.S_NO": "NO3_out"},
        },
        record=_leap(52),
        rest=("NH4-N Zulauf Fracht",),
    ),
    Export(
        "chinese_merged",
        "Chinese operating report",
        chinese_merged.__doc__ or "",
        chinese_merged,
        plant(TANKS, ("Q_in", "T")),
        {
            **{"Q_in": "Q", "T": "T", "aerobic.S_O": "DO_2", "aerobic.S_NH": "NH4", "aerobic.TSS": "MLSS"},
            **{"effluent.S_NH": "NH4_out", "effluent.TSS": "TSS_out"},
        },
        zone="Asia/Shanghai",
        ahead=8,
        record={"seed": 53},
    ),
    Export(
        "side_by_side",
        "Workbook of an operator",
        side_by_side.__doc__ or "",
        side_by_side,
        plant(AERATED, ("Q_in", "T")),
        {"Q_in": "Q", "T": "T", "aerobic.S_O": "DO_2", "effluent.TSS": "TSS_out"},
        record={"seed": 54},
        asks=("a second column of times",),
    ),
    Export(
        "french_thousands",
        "French self-monitoring",
        french_thousands.__doc__ or "",
        french_thousands,
        plant({"anoxie": {"volume": 1500}, "aeration": {"volume": 3000}}, ("Q_in", "T", "return_sludge")),
        {
            **{"Q_in": "Q", "T": "T", "return_sludge": "RAS", "aeration.S_O": "DO_2", "aeration.S_NH": "NH4"},
            **{"effluent.S_NO": "NO3_out", "effluent.TSS": "TSS_out"},
        },
        record={"seed": 55},
    ),
    Export(
        "two_inlets",
        "Historian, a row for each value",
        two_inlets.__doc__ or "",
        two_inlets,
        plant(TANKS, ("T", "return_sludge")),
        {"Q_in": "Q*0.6", "T": "T", "return_sludge": "RAS", "aerobic.S_O": "DO_2", "aerobic.S_NH": "NH4"},
        record=_leap(56),
        asks=("FIT-101=ignored",),
        answers={"names": {"FIT-102": "ignored"}},
    ),
    Export(
        "indian_log",
        "Indian log book",
        indian_log.__doc__ or "",
        indian_log,
        plant(
            {"anoxic": {"volume": 1500}, "aeration": {"volume": 3000, "kla": 120}},
            ("Q_in", "influent.COD", "influent.TKN", "influent.TSS"),
            fractionation=RAW,
        ),
        {
            **{"Q_in": "Q", "influent.COD": "COD_in", "influent.TKN": "TKN_in", "influent.TSS": "TSS_in"},
            **{"aeration.TSS": "MLSS", "effluent.S_NH": "NH4_out", "effluent.TSS": "TSS_out"},
        },
        zone="+05:30",
        ahead=5.5,
        record=_leap(57, days=60, minutes=1440),
        rest=("Aeration tank MLSS Min", "Aeration tank MLSS Max"),
    ),
    Export(
        "whole_numbers",
        "German export of whole numbers",
        whole_numbers.__doc__ or "",
        whole_numbers,
        plant(TANKS, ("Q_in", "return_sludge")),
        {"Q_in": "Q", "return_sludge": "RAS", "aerobic.TSS": "MLSS"},
        record={"seed": 58},
        asks=("--decimal",),
        answers={"decimal": ","},
    ),
)
