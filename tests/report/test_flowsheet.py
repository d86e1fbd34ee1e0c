"""The drawing: everything is in it, nothing lies on anything else, and its bytes are the same each time."""

import xml.etree.ElementTree as ElementTree
from dataclasses import replace

import pytest
from flowsheet_tools import LAYOUTS, TABLE, bsm1, make, parallel, point, small, step_feed

from asm_hybrid.errors import InputError
from asm_hybrid.plant import PI, Controller, Plant, Recycle, Tank
from asm_hybrid.plant.water import pipes
from asm_hybrid.report.flowsheet import arrange, draw_flowsheet
from asm_hybrid.report.lanes import lanes
from asm_hybrid.report.sheet import LABEL, TITLE, text_width

SVG = "{http://www.w3.org/2000/svg}"
THIN = 0.006


def parsed(content):
    root = ElementTree.fromstring(content)
    texts = [t.text for t in root.iter(f"{SVG}text")]
    return texts, {e.get("id") for e in root.iter()}


@pytest.mark.parametrize("flows", [True, False])
@pytest.mark.parametrize("name", LAYOUTS)
def test_all_tanks_and_streams_are_in_it(name, flows):
    plant = make(name)
    texts, ids = parsed(draw_flowsheet(plant, point(plant) if flows else None))
    assert set(plant.layout.tank_names) <= set(texts)
    assert {f"flowsheet-{p.name}:{p.source}:{p.target}" for p in pipes(plant)} <= ids
    assert {f"flowsheet-control:{c.name}" for c in plant.layout.controllers} <= ids
    shown = " ".join(texts)
    assert all(r.name in shown for r in plant.layout.recycles)
    for controller in plant.layout.controllers:
        assert f"{controller.name}: {controller.measured.partition('.')[2]}" in texts
    assert "influent" in texts
    assert "effluent" in texts
    if plant.layout.settler:
        assert "wastage" in texts
        assert "return sludge" in shown


def note_boxes(sheet):
    for note in sheet.notes:
        width = text_width(note.text, TITLE if note.bold else LABEL, note.bold)
        x = note.x - width * {"left": 0.0, "center": 0.5, "right": 1.0}[note.ha]
        y = note.y - 0.115 * {"bottom": 0.0, "center": 0.5, "top": 1.0}[note.va]
        yield note, (x, y, x + width, y + 0.115)


def frame_boxes(sheet):
    for frame in (*sheet.tanks.values(), sheet.primary, sheet.settler):
        if frame:
            yield frame.left, frame.bottom, frame.right, frame.top
    if sheet.settler:
        half = max(text_width(t) for t in sheet.settler.texts) / 2
        middle, top = sheet.settler.middle, sheet.settler.top
        yield middle - half, top, middle + half, top + 0.34


def line_boxes(sheet):
    for line in sheet.lines:
        for (x0, y0), (x1, y1) in zip(line.points, line.points[1:], strict=False):
            assert x0 == x1 or y0 == y1
            yield min(x0, x1) - THIN, min(y0, y1) - THIN, max(x0, x1) + THIN, max(y0, y1) + THIN


def meet(a, b, slack):
    return a[0] < b[2] - slack and b[0] < a[2] - slack and a[1] < b[3] - slack and b[1] < a[3] - slack


@pytest.mark.parametrize("flows", [True, False])
@pytest.mark.parametrize("name", LAYOUTS)
def test_nothing_lies_on_anything_else(name, flows):
    plant = make(name)
    sheet, findings = arrange(plant, point(plant) if flows else None)
    assert not findings
    notes, frames, lines = list(note_boxes(sheet)), list(frame_boxes(sheet)), list(line_boxes(sheet))
    for i, (note, box) in enumerate(notes):
        assert not any(meet(box, other, 0.005) for _, other in notes[i + 1 :]), note.text
        assert not any(meet(box, frame, 0.005) for frame in frames), note.text
        assert note.backed or not any(meet(box, line, 0.005) for line in lines), note.text
    for i, frame in enumerate(frames):
        assert not any(meet(frame, other, 0.005) for other in frames[i + 1 :])
        assert not any(meet(frame, line, 0.02) for line in lines)


@pytest.mark.parametrize("kind", ["svg", "png"])
def test_the_bytes_are_the_same_each_time(kind):
    plant = make("bsm1")
    first, second = (draw_flowsheet(plant, point(plant), kind) for _ in range(2))
    assert first == second
    assert first.startswith(b"\x89PNG" if kind == "png" else b"<svg")
    assert b"date" not in first


def test_flows_are_labelled():
    plant = make("bsm1")
    texts, _ = parsed(draw_flowsheet(plant, point(plant)))
    assert texts.count("92\u2009230") == 4
    assert {"internal 55\u2009338", "return sludge 18\u2009446", "385", "18\u2009061", "kLa 240 1/d"} <= set(texts)
    assert "flows in m³/d" in texts
    without, _ = parsed(draw_flowsheet(plant))
    assert {"internal", "return sludge", "kLa"} <= set(without)
    assert "flows in m³/d" not in without


def test_mistakes_are_named_and_marked():
    plant = Plant(TABLE, step_feed())
    content = draw_flowsheet(plant, point(plant, wastage=70000.0))
    texts, _ = parsed(content)
    assert "−33\u2009108" in texts
    assert "flows backwards" in texts
    assert any(t.startswith("70000 m3/d are drawn") for t in texts)
    lost = Plant(TABLE, replace(small(), tanks=(Tank("tank", 1.0, to={"settler": 1.0}), Tank("lost", 1.0))))
    texts, _ = parsed(draw_flowsheet(lost, point(lost)))
    assert "no water of the influent gets to the tank 'lost'" in texts


def test_inputs_of_another_plant_are_refused():
    with pytest.raises(InputError):
        draw_flowsheet(make("bsm1"), point(make("cstr")))


def test_names_are_no_markup():
    layout = replace(small(), tanks=(Tank("$x$", 1.0),), influent_to={"$x$": 1.0}, return_to={"$x$": 1.0})
    layout = replace(layout, recycles=(Recycle("<b>&", "$x$", "$x$"),))
    texts, _ = parsed(draw_flowsheet(Plant(TABLE, layout)))
    assert "$x$" in texts
    assert "<b>&" in texts


def test_parallel_lanes_are_rows():
    found = lanes(parallel(3, 4))
    assert (found.rows, found.columns) == (3, 4)
    assert [found.row[f"lane{i}_4"] for i in (1, 2, 3)] == [0, 1, 2]
    assert [found.column[f"lane2_{i}"] for i in (1, 2, 3, 4)] == [0, 1, 2, 3]


def test_lanes_part_and_meet():
    found = lanes(make("selector").layout)
    assert found.rows == 2
    assert found.row["selector"] == found.row["north_1"] == found.row["polishing"]
    assert found.column["polishing"] == 3


def test_main_streams_between_tanks_of_variable_volume_may_run_in_a_circle():
    tanks = (
        Tank("a", 1.0, variable=True, to={"b": 1.0}),
        Tank("b", 1.0, variable=True, to={"a": 0.5, "settler": 0.5}),
    )
    plant = Plant(TABLE, replace(small(), tanks=tanks, influent_to={"a": 1.0}, return_to={"a": 1.0}))
    texts, _ = parsed(draw_flowsheet(plant, point(plant, a__decant=1e4, b__decant=2e4)))
    assert {"a", "b", "decant 10\u2009000", "decant 20\u2009000"} <= set(texts)


@pytest.mark.parametrize(
    "sets",
    ["Q_in", "return_sludge", "wastage", "influent.S_S", "recycle.internal", "anoxic_1.kla", "aerobic_3.kla", "T"],
)
def test_whatever_a_controller_moves_is_reached_by_its_line(sets):
    tanks = tuple(replace(t, aerated=True) for t in bsm1().tanks)
    controller = Controller("loop", "aerobic_4.S_NH", "g/m3", (sets,), PI(1.0, 1.0, 1.0))
    for waste in ("settler", "aerobic_5"):
        plant = Plant(TABLE, replace(bsm1(), tanks=tanks, controllers=(controller,), waste_from=waste))
        _, ids = parsed(draw_flowsheet(plant, point(plant)))
        assert "flowsheet-control:loop" in ids
