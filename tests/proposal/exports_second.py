"""Twenty exports made like real ones, written before the program that reads them; the second ten."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from export_files import cells, number, text, workbook
from export_record import Export, plant

RAW = {"type": "raw"}


def serial(folder: Path, data: pd.DataFrame) -> list[Path]:
    lines = [
        "Datum/Zeit;Zulauf Q [l/s];Temp. [°C];Sauerstoff Nitri [mg/l];Sauerstoff Nitri [%];NH4 Nitri [mg NH4/l];"
        "pH Nitri;Reserve 1;Störung;TS Nitri [g/l]"
    ]
    columns = [("Q", 1 / 86.4, 2), ("T", 1, 1), ("DO_2", 1, 2), ("DO_2", 10, 1), ("NH4", 18.039 / 14.007, 3)]
    rows = cells(data, columns, decimal=",")
    for k, (stamp, row) in enumerate(zip(data.index, rows, strict=True)):
        days = (stamp - pd.Timestamp("1899-12-30")) / pd.Timedelta(days=1)
        solids = number(data.MLSS.iloc[k] / 1000, 2, ",")
        lines.append(f"{days:.6f};".replace(".", ",") + ";".join([*row, "7,1", "", "0", solids]))
    return text(folder / "Excel_Export.csv", lines, "cp1252")


def long(folder: Path, data: pd.DataFrame) -> list[Path]:
    names = {
        "INF_FLOW": ("Q", 1 / 24, "m3/h"),
        "INF_TEMP": ("T", 1.0, "degC"),
        "AER2_DO": ("DO_2", 1.0, "mg/L"),
        "AER2_NH4N": ("NH4", 1.0, "mg/L"),
        "AER2_NO3N": ("NO3", 1.0, "mg/L"),
        "AER2_MLSS": ("MLSS", 1.0, "mg/L"),
    }
    lines = ["TagName,DateTime,Value,Unit,Quality"]
    for k, (stamp, row) in enumerate(zip(data.index, data.to_dict("records"), strict=True)):
        for tag, (name, factor, unit) in names.items():
            shown = "" if tag == "AER2_NH4N" and 90 <= k < 96 else f"{row[name] * factor:.3f}"
            lines.append(f"{tag},{stamp:%Y-%m-%dT%H:%M:%S},{shown},{unit},{192 if shown else 0}")
    return text(folder / "history.csv", lines, end="\n")


def pair(folder: Path, data: pd.DataFrame) -> list[Path]:
    lines = ["DateTime;Qin m3/h;Temp C;AT DO mg/l"]
    columns = [("Q", 1 / 24, 1), ("T", 1, 1), ("DO_2", 1, 2)]
    for stamp, row in zip(data.index, cells(data, columns), strict=True):
        lines.append(f"{stamp:%d-%m-%Y %H:%M};" + ";".join(row))
    rows: list[list[object]] = [
        [
            "Sampling time",
            "Influent NH4-N [mg/l]",
            "Effluent NH4-N [mg/l]",
            "Effluent NO3-N [mg/l]",
            "AT MLSS [mg/l]",
            "Operator",
        ]
    ]
    for stamp, r in data.iloc[18::48].iterrows():
        rows.append([stamp, r.NH4_in, r.NH4_out, r.NO3_out, r.MLSS, "JvD"])
    online = text(folder / "online.csv", lines)
    return online + workbook(folder / "lab.xlsx", {"Lab": rows})


def sheets(folder: Path, data: pd.DataFrame) -> list[Path]:
    online: list[list[object]] = [
        ["Zeitstempel", "Q Zulauf (m³/h)", "RLS (m³/h)", "Rezirkulation (m³/h)", "O2 BB2 (mg/l)", "NO3-N BB2 (mg/l)"]
    ]
    for stamp, r in data.iterrows():
        online.append([stamp, r.Q / 24, r.RAS / 24, r.REC / 24, r.DO_2, r.NO3])
    lab: list[list[object]] = [
        ["Labor", "", "", "", ""],
        ["Datum", "CSB Zulauf", "TKN Zulauf", "NH4-N Zulauf", "NH4-N Ablauf"],
        ["", "mg/l", "mg/l", "mg/l", "mg/l"],
    ]
    for stamp, r in data.iloc[::48].iterrows():
        lab.append([stamp.normalize(), round(r.COD_in), r.TKN_in, r.NH4_in, r.NH4_out])
    about = [["Kläranlage Beispiel"], ["erstellt", "2023-03-10"], ["Bearbeiter", "M. Muster"]]
    return workbook(folder / "Betriebsdaten.xlsx", {"Info": about, "Online": online, "Labor": lab}, "dd.mm.yyyy hh:mm")


def status(folder: Path, data: pd.DataFrame) -> list[Path]:
    header = [
        "Time stamp",
        "FT-01 Influent flow [m3/h]",
        "Status",
        "TT-01 Temperature [°C]",
        "Status",
        "OT-02 Oxygen tank 2 [mg/l]",
        "Status",
        "NT-02 NH4-N tank 2 [mg/l]",
        "Status",
    ]
    lines = ["\t".join(header)]
    columns = [("Q", 1 / 24, 1), ("T", 1, 1), ("DO_2", 1, 2), ("NH4", 1, 2)]
    for k, (stamp, row) in enumerate(zip(data.index, cells(data, columns), strict=True)):
        shown = [part for cell in row for part in (cell, "GOOD")]
        if 120 <= k < 126:
            shown[6:8] = "-9999", "BAD"
        lines.append(f"{stamp:%Y.%m.%d %H:%M:%S}\t" + "\t".join(shown))
    return text(folder / "trend.txt", lines, "utf-16")


def lake(folder: Path, data: pd.DataFrame) -> list[Path]:
    frame = pd.DataFrame(
        {
            "timestamp": data.index.tz_localize("Etc/GMT-1"),
            "influent_flow_m3_per_h": data.Q / 24,
            "temperature_degC": data["T"],
            "aerobic_dissolved_oxygen_mg_per_l": data.DO_2,
            "aerobic_ammonium_mgN_per_l": data.NH4,
            "aerobic_nitrate_mgN_per_l": data.NO3,
            "site": "north",
        }
    )
    path = folder / "scada.parquet"
    pq.write_table(pa.Table.from_pandas(frame, preserve_index=False), path)
    return [path]


def doubled(folder: Path, data: pd.DataFrame) -> list[Path]:
    local = data.index.tz_localize("UTC").tz_convert("Europe/Paris")
    lines = [
        "Horodatage;Débit entrée (m3/h);Température (°C);O2 dissous aération (mg/L);"
        "NH4 aération (mg N/L);NO3 aération (mg N/L)"
    ]
    columns = [("Q", 1 / 24, 1), ("T", 1, 1), ("DO_2", 1, 2), ("NH4", 1, 2), ("NO3", 1, 2)]
    for stamp, row in zip(local, cells(data, columns, decimal=","), strict=True):
        lines.append(f"{stamp:%d/%m/%Y %H:%M};" + ";".join(row))
    return text(folder / "STEP_octobre.csv", lines)


def ambiguous(folder: Path, data: pd.DataFrame) -> list[Path]:
    lines = ["Horodatage;Débit entrée (m3/h);Température (°C);O2 dissous aération (mg/L);NH4 aération (mg N/L)"]
    columns = [("Q", 1 / 24, 1), ("T", 1, 1), ("DO_2", 1, 2), ("NH4", 1, 2)]
    for stamp, row in zip(data.index, cells(data, columns, decimal=","), strict=True):
        lines.append(f"{stamp:%d/%m/%Y %H:%M};" + ";".join(row))
    return text(folder / "journal.csv", lines)


def unplaced(folder: Path, data: pd.DataFrame) -> list[Path]:
    lines = ["time,Q_influent [m3/d],Temp [C],DO_A [mg/L],DO_B [mg/L],AIT-4501,NH4_2 [mg N/L],NO3 probe [mg N/L]"]
    columns = [("Q", 1, 0), ("T", 1, 1), ("DO_1", 1, 2), ("DO_2", 1, 2), ("PO4", 1, 2), ("NH4", 1, 2), ("NO3", 1, 2)]
    for stamp, row in zip(data.index, cells(data, columns), strict=True):
        lines.append(f"{stamp:%Y-%m-%d %H:%M}," + ",".join(row))
    return text(folder / "sensors.csv", lines)


def unitless(folder: Path, data: pd.DataFrame) -> list[Path]:
    lines = ["time,Q_in,T,DO_aerobic,NH4_aerobic,NO3_aerobic,Q_RAS"]
    columns = [("Q", 1 / 24, 2), ("T", 1, 1), ("DO_2", 1, 2), ("NH4", 1, 2), ("NO3", 1, 2), ("RAS", 1 / 24, 1)]
    for stamp, row in zip(data.index, cells(data, columns), strict=True):
        lines.append(f"{stamp:%Y-%m-%dT%H:%M:%SZ}," + ",".join(row))
    return text(folder / "dump.csv", lines, end="\n")


EXPORTS = (
    Export(
        "serial",
        "German workbook saved as CSV",
        "days since 1899-12-30 with a decimal comma, oxygen in %, ammonium as NH4, an empty and a "
        "constant column, a pH",
        serial,
        plant({"Deni": {"volume": 1500}, "Nitri": {"volume": 3000}}, ("Q_in", "T")),
        {"Q_in": "Q", "T": "T", "Nitri.S_O": "DO_2", "Nitri.S_NH": "NH4", "Nitri.TSS": "MLSS"},
        rest=("Sauerstoff Nitri [%]", "pH Nitri", "Reserve 1", "Störung"),
        record=dict(seed=11),
        ahead=1,
    ),
    Export(
        "long",
        "Historian with a row for each value of each tag",
        "tag, time, value, unit and quality; no table with a column a tag",
        long,
        plant({"AER1": {"volume": 1500}, "AER2": {"volume": 3000}}, ("Q_in", "T")),
        {"Q_in": "Q", "T": "T", "AER2.S_O": "DO_2", "AER2.S_NH": "NH4", "AER2.S_NO": "NO3", "AER2.TSS": "MLSS"},
        record=dict(seed=12),
        ahead=1,
    ),
    Export(
        "pair",
        "On-line CSV and a workbook of the laboratory",
        "two files, of which one has a sample a day; semicolons with decimal points; 'AT' for the only aerated tank",
        pair,
        plant({"anoxic": {"volume": 1500}, "AT": {"volume": 3000}}, ("Q_in", "T", "influent.S_NH")),
        {
            "Q_in": "Q",
            "T": "T",
            "AT.S_O": "DO_2",
            "influent.S_NH": "NH4_in",
            "effluent.S_NH": "NH4_out",
            "effluent.S_NO": "NO3_out",
            "AT.TSS": "MLSS",
        },
        rest=("Operator",),
        record=dict(seed=13),
        ahead=1,
    ),
    Export(
        "sheets",
        "German workbook of a plant's operation",
        "three sheets: a cover, on-line data, laboratory data with dates alone and units in a row of their own",
        sheets,
        plant(
            {"BB1": {"volume": 1500}, "BB2": {"volume": 3000}},
            ("Q_in", "influent.COD", "influent.TKN", "influent.S_NH", "return_sludge", "recycle.internal"),
            fractionation=RAW,
        ),
        {
            "Q_in": "Q",
            "return_sludge": "RAS",
            "recycle.internal": "REC",
            "BB2.S_O": "DO_2",
            "BB2.S_NO": "NO3",
            "influent.COD": "COD_in",
            "influent.TKN": "TKN_in",
            "influent.S_NH": "NH4_in",
            "effluent.S_NH": "NH4_out",
        },
        record=dict(seed=14),
        ahead=1,
    ),
    Export(
        "status",
        "Unicode text of a trend viewer",
        "UTF-16, tabs, ending .txt, a column of status after every value, all of one name, -9999",
        status,
        plant({"tank_1": {"volume": 1500}, "tank_2": {"volume": 3000}}, ("Q_in", "T")),
        {"Q_in": "Q", "T": "T", "tank_2.S_O": "DO_2", "tank_2.S_NH": "NH4"},
        rest=("Status",),
        record=dict(seed=15),
        ahead=1,
    ),
    Export(
        "lake",
        "Parquet from a data lake",
        "stamps with their zone, units in the names, spelt out; a column of text",
        lake,
        plant({"anoxic": {"volume": 1500}, "aerobic": {"volume": 3000}}, ("Q_in", "T")),
        {"Q_in": "Q", "T": "T", "aerobic.S_O": "DO_2", "aerobic.S_NH": "NH4", "aerobic.S_NO": "NO3"},
        zone=None,
        rest=("site",),
        record=dict(seed=16),
        ahead=1,
    ),
    Export(
        "doubled",
        "French SCADA on local time, over the end of summer time",
        "the hour from two to three stands twice on 30 October",
        doubled,
        plant({"anoxie": {"volume": 1500}, "aeration": {"volume": 3000}}, ("Q_in", "T")),
        {"Q_in": "Q", "T": "T", "aeration.S_O": "DO_2", "aeration.S_NH": "NH4", "aeration.S_NO": "NO3"},
        zone="Europe/Paris",
        record=dict(start="2022-10-20", days=16, minutes=30, seed=17),
        ahead=0,
    ),
    Export(
        "ambiguous",
        "French daily report",
        "one day, the seventh of March, so that day and month cannot be told apart",
        ambiguous,
        plant({"anoxie": {"volume": 1500}, "aeration": {"volume": 3000}}, ("Q_in", "T")),
        {"Q_in": "Q", "T": "T", "aeration.S_O": "DO_2", "aeration.S_NH": "NH4"},
        asks=("--day-first",),
        answers={"day_first": True},
        record=dict(start="2023-03-07", days=1, minutes=5, seed=18),
        ahead=1,
    ),
    Export(
        "unplaced",
        "Download from a sensor gateway",
        "tanks by letters and numbers that the plant does not have, and a tag that says nothing",
        unplaced,
        plant({"selector": {"volume": 500}, "north": {"volume": 2000}, "south": {"volume": 2000}}, ("Q_in", "T")),
        {"Q_in": "Q", "T": "T", "north.S_O": "DO_1", "south.S_O": "DO_2", "south.S_NH": "NH4", "south.S_NO": "NO3"},
        asks=("DO_A", "DO_B", "NH4_2", "NO3 probe", "AIT-4501"),
        answers={
            "names": {
                "DO_A [mg/L]": "north.S_O",
                "DO_B [mg/L]": "south.S_O",
                "NH4_2 [mg N/L]": "south.S_NH",
                "NO3 probe [mg N/L]": "south.S_NO",
                "AIT-4501": "ignored",
            }
        },
        record=dict(seed=19),
        ahead=1,
    ),
    Export(
        "unitless",
        "Dump of a database",
        "no units at all, flows in m3/h or in m3/d",
        unitless,
        plant({"anoxic": {"volume": 1500}, "aerobic": {"volume": 3000}}, ("Q_in", "T", "return_sludge")),
        {
            "Q_in": "Q",
            "T": "T",
            "aerobic.S_O": "DO_2",
            "aerobic.S_NH": "NH4",
            "aerobic.S_NO": "NO3",
            "return_sludge": "RAS",
        },
        zone=None,
        asks=("--unit",),
        answers={"units": {"Q_in": "m3/h", "Q_RAS": "m3/h"}},
        record=dict(seed=20),
        ahead=0,
    ),
)
