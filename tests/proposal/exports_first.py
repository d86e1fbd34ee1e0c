"""Twenty exports made like real ones, written before the program that reads them; the first ten."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from export_files import cells, number, text, workbook
from export_record import Export, plant

RAW = {"type": "raw"}


def historian(folder: Path, data: pd.DataFrame) -> list[Path]:
    columns = [("Q", 1 / 24, 1), ("T", 1, 1), ("DO_2", 1, 2), ("NH4", 1, 2), ("NO3", 1, 2), ("MLSS", 1, 0)]
    lines = ["Date/Time,Influent Flow (m3/h),Wastewater Temp (°C),Aerobic DO (mg/L),Aerobic NH4-N (mg/l),"]
    lines[0] += "Aerobic NO3-N (mg/l),MLSS Aerobic (mg/L)"
    for stamp, row in zip(data.index, cells(data, columns), strict=True):
        lines.append(f"{stamp:%Y-%m-%d %H:%M:%S}," + ",".join(row))
    return text(folder / "plant_export.csv", lines)


def german(folder: Path, data: pd.DataFrame) -> list[Path]:
    columns = [
        ("Q", 1 / 24, 1),
        ("T", 1, 1),
        ("DO_1", 1, 2),
        ("DO_2", 1, 2),
        ("NH4", 1, 2),
        ("NO3", 1, 2),
        ("MLSS", 1e-3, 2),
    ]
    lines = [
        "Kläranlage Musterstadt;;;;;;;;",
        "Zeitraum: 20.02.2023 - 05.03.2023;;;;;;;;",
        ";;;;;;;;",
        "Datum;Uhrzeit;Zulauf Durchfluss;Abwassertemperatur;O2 Belebung 1;O2 Belebung 2;"
        "NH4-N Belebung 2;NO3-N Belebung 2;"
        "TS Belebung 2",
        ";;m³/h;°C;mg/l;mg/l;mg/l;mg/l;g/l",
    ]
    rows = cells(data, columns, decimal=",")
    for k in range(100, 110):
        rows[k][4] = "---"
    for stamp, row in zip(data.index, rows, strict=True):
        midnight = stamp.hour == stamp.minute == 0
        day = stamp - pd.Timedelta(days=1) if midnight else stamp
        clock = "24:00:00" if midnight else f"{stamp:%H:%M:%S}"
        lines.append(f"{day:%d.%m.%Y};{clock};" + ";".join(row))
    lines += [";;;;;;;;", "Mittelwert;;" + ";".join(number(v, 2, ",") for v in (333.1, 14.0, 1.8, 2.2, 2.5, 9.0, 3.6))]
    return text(folder / "Tagesbericht.csv", lines, "cp1252")


def dutch(folder: Path, data: pd.DataFrame) -> list[Path]:
    rows: list[list[object]] = [
        ["Waterschap Voorbeeld", "", "", "", "", "", ""],
        ["Rapportage rwzi", "", "", "", "", "", ""],
        [],
        [
            "Datum/tijd",
            "Debiet influent [m3/h]",
            "Temperatuur [°C]",
            "Zuurstof AT2 [mg/l]",
            "Ammonium AT2 [mg N/l]",
            "Nitraat AT2 [mg N/l]",
            "Droge stof AT2 [g/l]",
        ],
    ]
    for stamp, r in data.iterrows():
        rows.append([stamp, r.Q / 24, r["T"], r.DO_2, r.NH4, r.NO3, r.MLSS / 1000])
    return workbook(folder / "export_rwzi.xlsx", {"Export": rows})


def french(folder: Path, data: pd.DataFrame) -> list[Path]:
    columns = [
        ("Q", 1, 0),
        ("COD_in", 1, 0),
        ("TKN_in", 1, 1),
        ("NH4_in", 1, 1),
        ("TSS_in", 1, 0),
        ("NH4_out", 1, 2),
        ("NO3_out", 1, 2),
        ("T", 1, 1),
    ]
    lines = [
        "Date;Débit entrée (m3/j);DCO entrée (mg/L);NTK entrée (mg N/L);NH4 entrée (mg N/L);MES entrée (mg/L);"
        "NH4 sortie (mg N/L);NO3 sortie (mg N/L);Température (°C)"
    ]
    rows = cells(data, columns, decimal=",")
    for k in range(180):
        if k % 3:
            rows[k][1:5] = ["", "", "", ""]
        if k % 7 == 5:
            rows[k][5] = rows[k][6] = "NM"
    rows[40][5] = "<0,5"
    for stamp, row in zip(data.index, rows, strict=True):
        lines.append(f"{stamp:%d/%m/%Y};" + ";".join(row))
    return text(folder / "autosurveillance.csv", lines, "utf-8-sig")


def spanish(folder: Path, data: pd.DataFrame) -> list[Path]:
    rows: list[list[object]] = [
        ["", "Entrada", "", "Reactor 1", "", "", "", "Reactor 2", "", ""],
        [
            "Fecha y hora",
            "Caudal (m3/h)",
            "Temperatura (°C)",
            "Oxígeno disuelto (mg/l)",
            "Amonio (mg N/l)",
            "",
            "",
            "Oxígeno disuelto (mg/l)",
            "Amonio (mg N/l)",
            "Nitrato (mg N/l)",
        ],
    ]
    for stamp, r in data.iterrows():
        rows.append([f"{stamp:%d/%m/%Y %H:%M}", r.Q / 24, r["T"], r.DO_1, r.NH4 * 3, None, None, r.DO_2, r.NH4, r.NO3])
    return workbook(folder / "EDAR datos.xlsx", {"Datos": rows})


def portuguese(folder: Path, data: pd.DataFrame) -> list[Path]:
    lines = [
        "Data/Hora;Vazão afluente (m³/d);Temperatura (ºC);OD tanque aeração (mg/L);Amônia tanque aeração (mg/L N);"
        "SST tanque aeração (mg/L);Vazão lodo recirculado (m³/d)"
    ]
    columns = [("Q", 1, 1), ("T", 1, 1), ("DO_2", 1, 2), ("NH4", 1, 2), ("MLSS", 1, 1), ("RAS", 1, 1)]
    for stamp, row in zip(data.index, cells(data, columns, decimal=",", thousands="."), strict=True):
        lines.append(f"{stamp:%d/%m/%Y %H:%M};" + ";".join(row))
    return text(folder / "ETE_relatorio.csv", lines)


def chinese(folder: Path, data: pd.DataFrame) -> list[Path]:
    lines = [
        "时间,进水流量(m³/h),进水COD(mg/L),进水氨氮(mg/L),进水总氮(mg/L),水温(℃),好氧池溶解氧(mg/L),好氧池氨氮(mg/L),"
        "好氧池硝态氮(mg/L),好氧池MLSS(mg/L),出水氨氮(mg/L)"
    ]
    columns = [
        ("Q", 1 / 24, 1),
        ("COD_in", 1, 1),
        ("NH4_in", 1, 2),
        ("TKN_in", 1, 2),
        ("T", 1, 1),
        ("DO_2", 1, 2),
        ("NH4", 1, 2),
        ("NO3", 1, 2),
        ("MLSS", 1, 0),
        ("NH4_out", 1, 2),
    ]
    for stamp, row in zip(data.index, cells(data, columns), strict=True):
        lines.append(f"{stamp.year}/{stamp.month}/{stamp.day} {stamp.hour}:{stamp:%M}," + ",".join(row))
    return text(folder / "在线监测数据.csv", lines, "gb18030")


def american(folder: Path, data: pd.DataFrame) -> list[Path]:
    lines = [
        "Timestamp,Influent Flow (MGD),Influent Temp (°F),Aeration Basin 1 DO (mg/L),Aeration Basin 2 DO (mg/L),"
        "Basin 2 Ammonia-N (mg/L),MLSS Basin 2 (mg/L),RAS Flow (MGD),WAS Flow (gpm)"
    ]
    rows = []
    for r in data.to_dict("records"):
        values = [
            r["Q"] / 3785.411784,
            r["T"] * 1.8 + 32,
            r["DO_1"],
            r["DO_2"],
            r["NH4"],
            r["MLSS"],
            r["RAS"] / 3785.411784,
            r["WAS"] / 5.450992969,
        ]
        rows.append([number(v, d) for v, d in zip(values, (3, 1, 2, 2, 2, 0, 3, 2), strict=True)])
    for k in range(200, 212):
        rows[k][4] = "Bad Input"
    for k in range(300, 304):
        rows[k][2] = "No Data"
    for stamp, row in zip(data.index, rows, strict=True):
        lines.append(f"{stamp.month}/{stamp.day}/{stamp.year} {stamp:%I:%M:%S %p}," + ",".join(row))
    return text(folder / "TrendExport.csv", lines)


def tags(folder: Path, data: pd.DataFrame) -> list[Path]:
    rows: list[list[object]] = [
        [
            "Tag",
            "WW01:FIT101.PV",
            "WW01:TIT101.PV",
            "WW01:AIT301.PV",
            "WW01:AIT302.PV",
            "WW01:AIT303.PV",
            "WW01:FIT401.PV",
        ],
        [
            "Description",
            "Raw sewage flow",
            "Raw sewage temperature",
            "Nitrification tank dissolved oxygen",
            "Nitrification tank ammonium",
            "Nitrification tank nitrate",
            "Return sludge flow",
        ],
        ["Eng. units", "m3/h", "deg C", "mg/l", "mg/l N", "mg/l N", "m3/h"],
    ]
    for k, (stamp, r) in enumerate(data.iterrows()):
        row: list[object] = [f"{stamp:%d-%b-%y %H:%M:%S}", r.Q / 24, r["T"], r.DO_2, r.NH4, r.NO3, r.RAS / 24]
        if 50 <= k < 56:
            row[4] = "I/O Timeout"
        if 400 <= k < 403:
            row[5] = "Bad"
        rows.append(row)
    return workbook(folder / "PI_DataLink.xlsx", {"Sheet1": rows})


def dashboard(folder: Path, data: pd.DataFrame) -> list[Path]:
    lines = ["Time,influent_flow m3/h,temperature °C,aeration_do mg/L,aeration_nh4 mg/L,aeration_no3 mg/L"]
    columns = [("Q", 1 / 24, 3), ("T", 1, 3), ("DO_2", 1, 3), ("NH4", 1, 3), ("NO3", 1, 3)]
    for stamp, row in zip(data.index, cells(data, columns), strict=True):
        lines.append(f"{(stamp - pd.Timedelta(hours=1)).value // 10**6}," + ",".join(row))
    return text(folder / "panel-data-2023.csv", lines, end="\n")


TWO = {"anoxic": {"volume": 1500}, "aerobic": {"volume": 3000}}
EXPORTS = (
    Export(
        "historian",
        "English historian, one header with units in brackets",
        "the plant file gives flow and temperature as constants too",
        historian,
        plant(TWO, name="historian"),
        {
            "Q_in": "Q",
            "T": "T",
            "aerobic.S_O": "DO_2",
            "aerobic.S_NH": "NH4",
            "aerobic.S_NO": "NO3",
            "aerobic.TSS": "MLSS",
        },
        record=dict(seed=1),
        ahead=1,
    ),
    Export(
        "german",
        "German process control, daily report",
        "cp1252, semicolons, decimal commas, title lines, units in a second row, date and time apart, 24:00, '---', a "
        "mean at the end",
        german,
        plant({"Belebung_1": {"volume": 1500}, "Belebung_2": {"volume": 3000}}, ("Q_in", "T")),
        {
            "Q_in": "Q",
            "T": "T",
            "Belebung_1.S_O": "DO_1",
            "Belebung_2.S_O": "DO_2",
            "Belebung_2.S_NH": "NH4",
            "Belebung_2.S_NO": "NO3",
            "Belebung_2.TSS": "MLSS",
        },
        record=dict(seed=2),
        ahead=1,
    ),
    Export(
        "dutch",
        "Dutch water board, workbook",
        "title rows, Excel dates, units in square brackets, g/l",
        dutch,
        plant({"AT1": {"volume": 1500}, "AT2": {"volume": 3000}}, ("Q_in", "T")),
        {"Q_in": "Q", "T": "T", "AT2.S_O": "DO_2", "AT2.S_NH": "NH4", "AT2.S_NO": "NO3", "AT2.TSS": "MLSS"},
        record=dict(seed=3),
        ahead=1,
    ),
    Export(
        "french",
        "French self-monitoring, a row a day",
        "byte order mark, semicolons, decimal commas, dates alone with the day first, few "
        "laboratory days, 'NM', '<0,5'",
        french,
        plant(
            {"anoxie": {"volume": 1500}, "aeration": {"volume": 3000, "kla": 120}},
            ("Q_in", "T", "influent.COD", "influent.TKN", "influent.S_NH", "influent.TSS"),
            fractionation=RAW,
        ),
        {
            "Q_in": "Q",
            "T": "T",
            "influent.COD": "COD_in",
            "influent.TKN": "TKN_in",
            "influent.S_NH": "NH4_in",
            "influent.TSS": "TSS_in",
            "effluent.S_NH": "NH4_out",
            "effluent.S_NO": "NO3_out",
        },
        record=dict(start="2023-01-02", days=180, minutes=1440, seed=4),
        ahead=1,
    ),
    Export(
        "spanish",
        "Spanish workbook made by hand",
        "two header rows with merged places, equal names below them, empty columns, dates as text",
        spanish,
        plant({"reactor_1": {"volume": 1500}, "reactor_2": {"volume": 3000}}, ("Q_in", "T")),
        {
            "Q_in": "Q",
            "T": "T",
            "reactor_1.S_O": "DO_1",
            "reactor_1.S_NH": "NH4*3",
            "reactor_2.S_O": "DO_2",
            "reactor_2.S_NH": "NH4",
            "reactor_2.S_NO": "NO3",
        },
        record=dict(seed=5),
        ahead=1,
    ),
    Export(
        "portuguese",
        "Brazilian report",
        "semicolons, decimal commas and points between thousands",
        portuguese,
        plant({"anoxico": {"volume": 1500}, "aeracao": {"volume": 3000}}, ("Q_in", "T", "return_sludge")),
        {
            "Q_in": "Q",
            "T": "T",
            "aeracao.S_O": "DO_2",
            "aeracao.S_NH": "NH4",
            "aeracao.TSS": "MLSS",
            "return_sludge": "RAS",
        },
        record=dict(seed=6),
        ahead=1,
    ),
    Export(
        "chinese",
        "Chinese on-line monitoring",
        "GB 18030, Chinese headers, stamps without leading zeros, total nitrogen of the influent, "
        "which the plant cannot use",
        chinese,
        plant(
            {"anoxic": {"volume": 1500}, "aerobic": {"volume": 3000}},
            ("Q_in", "T", "influent.COD", "influent.S_NH"),
            fractionation=RAW | {"f_SNH": 0.7},
        ),
        {
            "Q_in": "Q",
            "T": "T",
            "influent.COD": "COD_in",
            "influent.S_NH": "NH4_in",
            "aerobic.S_O": "DO_2",
            "aerobic.S_NH": "NH4",
            "aerobic.S_NO": "NO3",
            "aerobic.TSS": "MLSS",
            "effluent.S_NH": "NH4_out",
        },
        zone="Asia/Shanghai",
        rest=("进水总氮",),
        record=dict(seed=7),
        ahead=8,
    ),
    Export(
        "american",
        "American SCADA trend export",
        "month first with AM and PM, MGD, gpm, °F, 'Bad Input', 'No Data'",
        american,
        plant({"basin_1": {"volume": 1500}, "basin_2": {"volume": 3000}}, ("Q_in", "T", "return_sludge", "wastage")),
        {
            "Q_in": "Q",
            "T": "T",
            "basin_1.S_O": "DO_1",
            "basin_2.S_O": "DO_2",
            "basin_2.S_NH": "NH4",
            "basin_2.TSS": "MLSS",
            "return_sludge": "RAS",
            "wastage": "WAS",
        },
        zone="-05:00",
        record=dict(start="2023-02-20", seed=8),
        ahead=-5,
    ),
    Export(
        "tags",
        "Spreadsheet filled from a historian: tags, descriptions, units",
        "three header rows, of which the second tells the meaning; months by name, two digits for the year; 'Bad', "
        "'I/O Timeout'",
        tags,
        plant({"denitrification": {"volume": 1500}, "nitrification": {"volume": 3000}}, ("Q_in", "T", "return_sludge")),
        {
            "Q_in": "Q",
            "T": "T",
            "nitrification.S_O": "DO_2",
            "nitrification.S_NH": "NH4",
            "nitrification.S_NO": "NO3",
            "return_sludge": "RAS",
        },
        record=dict(start="2023-02-01", seed=9),
        ahead=1,
    ),
    Export(
        "dashboard",
        "Download from a dashboard",
        "milliseconds since 1970, which are UTC; units after the name without brackets",
        dashboard,
        plant({"anoxic": {"volume": 1500}, "aeration": {"volume": 3000}}, ("Q_in", "T")),
        {"Q_in": "Q", "T": "T", "aeration.S_O": "DO_2", "aeration.S_NH": "NH4", "aeration.S_NO": "NO3"},
        zone=None,
        record=dict(seed=10),
        ahead=1,
    ),
)
