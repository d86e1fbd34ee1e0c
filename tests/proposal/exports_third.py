"""Ten more exports, written when the program was done and never tuned on: their score is told as it is."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from export_files import cells, number, text, workbook
from export_record import Export, plant

RAW = {"type": "raw"}


def aquarius(folder: Path, data: pd.DataFrame) -> list[Path]:
    """Comment lines, time in UTC and on the wall, grades and approvals."""
    lines = [
        "# Export: WWTP North@Bioreactor",
        "# Generated: 2023-03-10 08:00:00 (UTC+01:00)",
        "# CSV data starts at line 5.",
        "#",
        "ISO 8601 UTC,Timestamp (UTC+01:00),Inflow rate (L/s),Water Temp (deg C),"
        "Bioreactor O2 (mg/l),Bioreactor NH4-N (mg/l),"
        "Approval Level",
    ]
    columns = [("Q", 1 / 86.4, 2), ("T", 1, 2), ("DO_2", 1, 2), ("NH4", 1, 2)]
    for stamp, row in zip(data.index, cells(data, columns), strict=True):
        utc = stamp - pd.Timedelta(hours=1)
        lines.append(f"{utc:%Y-%m-%dT%H:%M:%SZ},{stamp:%Y-%m-%d %H:%M:%S}," + ",".join(row) + ",Working")
    return text(folder / "export.csv", lines)


def swiss(folder: Path, data: pd.DataFrame) -> list[Path]:
    """Points for decimals, apostrophes between thousands, seconds with fractions."""
    lines = [
        "Zeit;Zulaufmenge m3/d;Temperatur Biologie °C;O2 Biologie 1 mg/l;O2 Biologie 2 mg/l;NH4-N Biologie 2 mg N/l;"
        "TSS Biologie 2 mg/l;NO3-N Ablauf mg N/l"
    ]
    columns = [
        ("Q", 1, 1),
        ("T", 1, 1),
        ("DO_1", 1, 2),
        ("DO_2", 1, 2),
        ("NH4", 1, 2),
        ("MLSS", 1, 0),
        ("NO3_out", 1, 2),
    ]
    for stamp, row in zip(data.index, cells(data, columns, thousands="'"), strict=True):
        lines.append(f"{stamp:%d.%m.%Y %H:%M:%S}.000;" + ";".join(row))
    return text(folder / "ARA.csv", lines, "cp1252")


def dutch_csv(folder: Path, data: pd.DataFrame) -> list[Path]:
    """Newest row first, quality in numbers, ammonium of the aeration tank, DO in a second tank."""
    lines = [
        '"Tijdstip";"Influentdebiet [m3/uur]";"Watertemperatuur [°C]";'
        '"Zuurstofgehalte BT1 [mg/l]";"Zuurstofgehalte BT2 [mg/l]";'
        '"Ammoniumgehalte BT2 [mg/l]";"Nitraatgehalte BT2 [mg/l]";"Retourslib [m3/uur]"'
    ]
    columns = [
        ("Q", 1 / 24, 1),
        ("T", 1, 1),
        ("DO_1", 1, 2),
        ("DO_2", 1, 2),
        ("NH4", 1, 2),
        ("NO3", 1, 2),
        ("RAS", 1 / 24, 1),
    ]
    rows = list(zip(data.index, cells(data, columns, decimal=","), strict=True))
    for stamp, row in reversed(rows):
        lines.append(f'"{stamp:%d-%m-%Y %H:%M}";' + ";".join(f'"{cell}"' for cell in row))
    return text(folder / "Z-info export.csv", lines)


def brazil_lab(folder: Path, data: pd.DataFrame) -> list[Path]:
    """A sheet of a laboratory with groups of places, equal names, 'ND' and a column of remarks."""
    rows: list[list[object]] = [
        ["ETE Norte - Controle analítico"],
        ["", "Afluente", "", "", "", "Efluente", "", "", ""],
        [
            "Data",
            "Vazão (m³/d)",
            "DQO (mg/L)",
            "NTK (mg/L)",
            "N-NH3 (mg/L)",
            "N-NH3 (mg/L)",
            "N-NO3 (mg/L)",
            "SST (mg/L)",
            "Observações",
        ],
    ]
    for k, (stamp, r) in enumerate(data.iterrows()):
        tail = ["ND" if k % 9 == 4 else r.NH4_out, r.NO3_out, r.TSS_out, "chuva" if k % 13 == 0 else None]
        rows.append([stamp, r.Q, r.COD_in, r.TKN_in, r.NH4_in, *tail])
    return workbook(folder / "laboratorio.xlsx", {"2023": rows}, "dd/mm/yyyy")


def influx(folder: Path, data: pd.DataFrame) -> list[Path]:
    """Tags in a long table with offsets in the stamps, descriptions, no quality."""
    names = {
        "FI-100": ("Q", 1 / 24, "m3/h", "Plant influent flow"),
        "TI-100": ("T", 1.0, "°C", "Plant influent temperature"),
        "AI-201": ("DO_2", 1.0, "mg/l", "Oxic tank dissolved oxygen"),
        "AI-202": ("NH4", 1.0, "mg/l", "Oxic tank ammonia"),
        "AI-203": ("NO3", 1.0, "mg/l", "Oxic tank nitrate"),
        "PI-301": ("PO4", 100.0, "kPa", "Blower pressure"),
    }
    lines = ["Tag;Description;EU;Timestamp;Value"]
    for tag, (name, factor, unit, words) in names.items():
        for stamp, value in data[name].items():
            lines.append(f"{tag};{words};{unit};{stamp:%Y-%m-%d %H:%M:%S}+01:00;{number(value * factor, 3, ',')}")
    return text(folder / "long.csv", lines)


def spanish_months(folder: Path, data: pd.DataFrame) -> list[Path]:
    """Months by name in Spanish."""
    months = ("ene", "feb", "mar", "abr", "may", "jun", "jul", "ago", "sep", "oct", "nov", "dic")
    lines = [
        "Fecha;Caudal de entrada (m3/h);Temperatura agua (°C);O.D. reactor biológico (mg/l);"
        "Amonio reactor biológico (mg N/l)"
    ]
    columns = [("Q", 1 / 24, 1), ("T", 1, 1), ("DO_2", 1, 2), ("NH4", 1, 2)]
    for stamp, row in zip(data.index, cells(data, columns, decimal=","), strict=True):
        lines.append(f"{stamp.day:02}-{months[stamp.month - 1]}-{stamp.year} {stamp:%H:%M};" + ";".join(row))
    return text(folder / "historico.csv", lines, "cp1252")


def american_wide(folder: Path, data: pd.DataFrame) -> list[Path]:
    """A monthly operating report: a row a day, month first, units in a row, a block of totals at the end."""
    rows: list[list[object]] = [
        ["Monthly Operating Report", "", "", "", "", "", "", ""],
        [
            "Date",
            "Influent Flow",
            "Influent COD",
            "Influent TKN",
            "Influent Ammonia",
            "Effluent Ammonia",
            "Effluent Nitrate",
            "WAS Flow",
        ],
        ["", "MGD", "mg/L", "mg/L as N", "mg/L as N", "mg/L as N", "mg/L as N", "MGD"],
    ]
    for stamp, r in data.iterrows():
        rows.append([stamp, r.Q / 3785.411784, r.COD_in, r.TKN_in, r.NH4_in, r.NH4_out, r.NO3_out, r.WAS / 3785.411784])
    rows += [["Total", 3.1, "", "", "", "", "", ""], ["Average", 2.1, 450, 46, 30, 2.6, 9.3, 0.04]]
    return workbook(folder / "MOR.xlsx", {"MOR": rows}, "m/d/yyyy")


def chinese_xlsx(folder: Path, data: pd.DataFrame) -> list[Path]:
    """Date and time apart in a workbook, units in a row, internal recycle and air."""
    rows: list[list[object]] = [
        ["某污水处理厂运行报表", "", "", "", "", "", "", "", ""],
        ["日期", "时间", "进水流量", "内回流流量", "外回流流量", "缺氧池硝酸盐氮", "好氧池DO", "好氧池氨氮", "水温"],
        ["", "", "m³/d", "m³/d", "m³/d", "mg/L", "mg/L", "mg/L", "℃"],
    ]
    for stamp, r in data.iterrows():
        rows.append([f"{stamp:%Y-%m-%d}", f"{stamp:%H:%M}", r.Q, r.REC, r.RAS, r.PO4, r.DO_2, r.NH4, r["T"]])
    return workbook(folder / "运行报表.xlsx", {"报表": rows})


def twelve_hours(folder: Path, data: pd.DataFrame) -> list[Path]:
    """Australian SCADA: day first with am and pm, ML/d, sensors of two lanes, over range in words."""
    lines = [
        "Time,Raw Sewage Inflow (ML/d),Reactor Temp (deg C),Lane 1 Aerobic DO (mg/L),Lane 2 Aerobic DO (mg/L),"
        "Lane 2 Aerobic Ammonia (mg/L as N),Final Effluent NOx-N (mg/L)"
    ]
    columns = [("Q", 1e-3, 3), ("T", 1, 1), ("DO_1", 1, 2), ("DO_2", 1, 2), ("NH4", 1, 2), ("NO3_out", 1, 2)]
    rows = cells(data, columns)
    for k in range(33, 37):
        rows[k][4] = "Over Range"
    for stamp, row in zip(data.index, rows, strict=True):
        clock = stamp.strftime("%I:%M:%S %p").lower()
        lines.append(f"{stamp:%d/%m/%Y} {clock}," + ",".join(row))
    return text(folder / "trend.csv", lines)


def vague(folder: Path, data: pd.DataFrame) -> list[Path]:
    """A spreadsheet of a student: short names, seconds from the start, one doubtful unit."""
    lines = ["t_s,Qin_m3h,Tw,O2_R2,NH4_R2,X_R2"]
    columns = [("Q", 1 / 24, 2), ("T", 1, 2), ("DO_2", 1, 2), ("NH4", 1, 2), ("MLSS", 1e-3, 3)]
    for k, row in enumerate(cells(data, columns)):
        lines.append(f"{k * 1800}," + ",".join(row))
    return text(folder / "thesis.csv", lines, end="\n")


EXPORTS = (
    Export(
        "aquarius",
        "Hydrological time series server",
        "comment lines, two columns of time, of which one is UTC; a grade in words",
        aquarius,
        plant({"anoxic": {"volume": 1500}, "bioreactor": {"volume": 3000}}, ("Q_in", "T")),
        {"Q_in": "Q", "T": "T", "bioreactor.S_O": "DO_2", "bioreactor.S_NH": "NH4"},
        zone=None,
        record=dict(seed=31),
    ),
    Export(
        "swiss",
        "Swiss process control",
        "apostrophes between thousands, fractions of seconds",
        swiss,
        plant({"biologie_1": {"volume": 1500}, "biologie_2": {"volume": 3000}}, ("Q_in", "T")),
        {
            "Q_in": "Q",
            "T": "T",
            "biologie_1.S_O": "DO_1",
            "biologie_2.S_O": "DO_2",
            "biologie_2.S_NH": "NH4",
            "biologie_2.TSS": "MLSS",
            "effluent.S_NO": "NO3_out",
        },
        record=dict(seed=32),
    ),
    Export(
        "dutch_csv",
        "Dutch data warehouse",
        "newest row first, everything quoted, m3/uur, compound words",
        dutch_csv,
        plant({"BT1": {"volume": 1500}, "BT2": {"volume": 3000}}, ("Q_in", "T", "return_sludge")),
        {
            "Q_in": "Q",
            "T": "T",
            "BT1.S_O": "DO_1",
            "BT2.S_O": "DO_2",
            "BT2.S_NH": "NH4",
            "BT2.S_NO": "NO3",
            "return_sludge": "RAS",
        },
        record=dict(seed=33),
    ),
    Export(
        "brazil_lab",
        "Brazilian laboratory",
        "groups of places over equal names, 'ND', remarks, dates alone",
        brazil_lab,
        plant(
            {"anoxico": {"volume": 1500}, "aerobio": {"volume": 3000, "kla": 120}},
            ("Q_in", "influent.COD", "influent.TKN", "influent.S_NH"),
            fractionation=RAW,
        ),
        {
            "Q_in": "Q",
            "influent.COD": "COD_in",
            "influent.TKN": "TKN_in",
            "influent.S_NH": "NH4_in",
            "effluent.S_NH": "NH4_out",
            "effluent.S_NO": "NO3_out",
            "effluent.TSS": "TSS_out",
        },
        zone="-03:00",
        record=dict(days=90, minutes=1440, seed=34),
        ahead=-3,
        rest=("Observações",),
    ),
    Export(
        "influx",
        "Historian, tags with descriptions",
        "a row for each value, offsets in the stamps, decimal commas, a pressure",
        influx,
        plant({"anoxic": {"volume": 1500}, "oxic": {"volume": 3000}}, ("Q_in", "T")),
        {"Q_in": "Q", "T": "T", "oxic.S_O": "DO_2", "oxic.S_NH": "NH4", "oxic.S_NO": "NO3"},
        zone=None,
        record=dict(seed=35),
        rest=("PI-301",),
    ),
    Export(
        "spanish_months",
        "Spanish historian",
        "months by name in Spanish, O.D. with points, cp1252",
        spanish_months,
        plant({"anoxico": {"volume": 1500}, "reactor_biologico": {"volume": 3000}}, ("Q_in", "T")),
        {"Q_in": "Q", "T": "T", "reactor_biologico.S_O": "DO_2", "reactor_biologico.S_NH": "NH4"},
        record=dict(seed=36),
    ),
    Export(
        "american_wide",
        "American monthly operating report",
        "units in a row, MGD, totals and averages at the end",
        american_wide,
        plant(
            {"anoxic": {"volume": 1500}, "aerobic": {"volume": 3000, "kla": 120}},
            ("Q_in", "influent.COD", "influent.TKN", "influent.S_NH", "wastage"),
            fractionation=RAW,
        ),
        {
            "Q_in": "Q",
            "influent.COD": "COD_in",
            "influent.TKN": "TKN_in",
            "influent.S_NH": "NH4_in",
            "effluent.S_NH": "NH4_out",
            "effluent.S_NO": "NO3_out",
            "wastage": "WAS",
        },
        zone="-06:00",
        record=dict(days=60, minutes=1440, seed=37),
        ahead=-6,
    ),
    Export(
        "chinese_xlsx",
        "Chinese operating report",
        "title, date and time apart, units in a row",
        chinese_xlsx,
        plant(
            {"anoxic": {"volume": 1500}, "aerobic": {"volume": 3000}},
            ("Q_in", "T", "return_sludge", "recycle.internal"),
        ),
        {
            "Q_in": "Q",
            "recycle.internal": "REC",
            "return_sludge": "RAS",
            "anoxic.S_NO": "PO4",
            "aerobic.S_O": "DO_2",
            "aerobic.S_NH": "NH4",
            "T": "T",
        },
        zone="Asia/Shanghai",
        record=dict(seed=38),
        ahead=8,
    ),
    Export(
        "twelve_hours",
        "Australian SCADA",
        "am and pm in small letters, ML/d, lanes, 'Over Range'",
        twelve_hours,
        plant({"lane_1_aerobic": {"volume": 2000}, "lane_2_aerobic": {"volume": 2000}}, ("Q_in", "T")),
        {
            "Q_in": "Q",
            "T": "T",
            "lane_1_aerobic.S_O": "DO_1",
            "lane_2_aerobic.S_O": "DO_2",
            "lane_2_aerobic.S_NH": "NH4",
            "effluent.S_NO": "NO3_out",
        },
        zone="+10:00",
        record=dict(seed=39),
        ahead=10,
    ),
    Export(
        "vague",
        "Spreadsheet of a thesis",
        "seconds from the start, units in no name, tanks by letters",
        vague,
        plant({"R1": {"volume": 1500}, "R2": {"volume": 3000}}, ("Q_in", "T")),
        {"Q_in": "Q", "T": "T", "R2.S_O": "DO_2", "R2.S_NH": "NH4", "R2.TSS": "MLSS"},
        record=dict(seed=40),
        asks=("--origin",),
        answers={
            "origin": "2023-02-20 00:00",
            "names": {"Qin_m3h": "Q_in", "Tw": "T", "X_R2": "R2.TSS"},
            "units": {"Qin_m3h": "m3/h", "X_R2": "g/L"},
        },
    ),
)
