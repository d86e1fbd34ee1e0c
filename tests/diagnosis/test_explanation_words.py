"""The diagnosis in sentences: what each kind says, and that none says more than its figures."""

import re

import pytest
from diagnosis_cases import CASES, GROWTH, fault, kinetics, nothing, several

from asm_hybrid.diagnosis.explanation_words import MOST, proposal_lines, sentences, shape
from asm_hybrid.diagnosis.plain_words import explanation_title, quantity_words
from asm_hybrid.kinetics import load_table
from asm_hybrid.text import figure, process_words
from asm_hybrid.yamlfile import parse_yaml


def curve(*factor, spread=0.02):
    factors = list(factor)
    return {
        "x": [float(i) for i in range(len(factors))],
        "factor": factors,
        "low": [f - spread for f in factors],
        "high": [f + spread for f in factors],
        "unit": "g/m3",
    }


@pytest.mark.parametrize("case", CASES)
def test_at_most_five_sentences_each_a_figure_and_an_end(case):
    said = sentences(CASES[case]())
    assert 1 <= len(said) <= MOST
    for text in said:
        assert text.endswith(".")
        assert text[0].isupper() or text[0].isdigit()
        assert "None" not in text
        assert "nan" not in text
        assert re.search(r"\d", text) or "cannot be told" in text


def test_clear_kinetics_names_process_driver_gain_and_confidence_first():
    first, law, *_ = sentences(kinetics())
    assert first == (
        "Aerobic growth of autotrophs slows when alkalinity (S_ALK) in aerobic_2 falls below about 1 mol/m3: this "
        "takes away 66 % of the squared error of f on days left out (90 % interval 56 to 73 %), and is the best "
        "explanation in 97 of 100 draws."
    )
    assert "monod(S_ALK, K_ALK)" in law
    assert "K_ALK = 0.483 mol/m3 (90 % interval 0.35 to 0.66 mol/m3)" in law
    assert "94 % of the gain" in law


def test_no_formula_is_said_to_hold_more_than_everything():
    found = kinetics()
    found["law"] |= {"share_of_gain": 126.4}
    law = sentences(found)[1]
    assert law.endswith("it keeps the whole gain, and more.")
    assert "12640" not in law


def test_a_formula_among_several_explanations_is_one_of_a_case():
    found = kinetics()
    found["answer"] |= {"set": [GROWTH, "flow.internal"]}
    text = next(s for s in sentences(found) if "monod" in s)
    assert text.startswith("If it is growth of autotrophs") or text.startswith(
        "If it is aerobic growth of autotrophs, its"
    )


def test_one_seed_has_no_range_and_hours_are_times():
    found = kinetics()
    for row in found["driver"]["inputs"]:
        row |= {"low": row["share"], "high": row["share"]}
    found["driver"]["when"] = [{"condition": "from 12:00 to 18:00", "share_of_time": 0.25, "share_of_effect": 0.7}]
    text = next(s for s in sentences(found) if "alone explains" in s)
    assert "by seed" not in text
    assert "the 25 % of the time from 12:00 to 18:00" in text


def test_a_formula_that_holds_too_little_is_not_offered():
    found = kinetics()
    found["law"] |= {"kept": False, "share_of_gain": 0.61}
    law = sentences(found)[1]
    assert law.startswith("No formula of the library is good enough")
    assert "61 %" in law


def test_a_formula_that_nothing_can_judge_is_said_to_be_one():
    found = kinetics()
    found["law"] |= {"kept": False, "share_of_gain": None}
    assert "It cannot be judged, since no n errs less than f" in sentences(found)[1]


def test_a_fault_of_the_record_names_no_mechanism():
    said = sentences(fault())
    assert said[0].startswith("The true flow of wastage is 1.75 times what the record says (90 % interval 1.62 to 1.9)")
    assert "applied only if you accept it" in said[1]
    assert not any("autotrophs" in text for text in said)


@pytest.mark.parametrize(
    ("section", "name", "key", "value", "unit", "words"),
    [
        ("shifts", "influent.timing", "influent", 2.0, "h", "the influent arrives 2 h later than the record says"),
        ("shifts", "influent.timing", "influent", -1.5, "h", "the influent arrives 1.5 h earlier"),
        ("offsets", "sensor.NH4.bias", "NH4", -1.5, "mg/L", "NH4 reads 1.5 mg/L too high (correction -1.5 mg/L"),
        ("offsets", "oxygen.aerobic", "aerobic.S_O", 0.3, "mg/L", "aerobic.S_O reads 0.3 mg/L too low"),
        ("drifts", "sensor.NH4.drift", "NH4", -0.06, "mg/L/d", "NH4 drifts, and needs -0.06 mg/L/d as its correction"),
    ],
)
def test_each_kind_of_correction_is_said_in_its_own_words(section, name, key, value, unit, words):
    found = fault()
    row = {"name": name, "section": section, "key": key, "value": value, "unit": unit, "text": "", "share": 0.6}
    found["proposals"] = [row | {"low": value - 0.02, "high": value + 0.02}]
    found["explanations"] = [found["explanations"][0] | {"name": name}]
    found["answer"] |= {"set": [name], "first": name}
    assert words.lower() in sentences(found)[0].lower()


def test_several_are_named_together_with_what_would_tell_them_apart():
    first, second, *rest = sentences(several())
    assert first.startswith("Kinetics or influent, but the data cannot tell which: ")
    for words in ("autotrophs takes away 49 %", "nitrogen of the influent 46 % (36 to 53 %)", "95 of 100 draws"):
        assert words in first
    assert "for a week would tell them apart" in second
    assert not any("learnt factor" in text for text in rest)  # what n learnt there is no evidence of one of them


def test_nothing_missing_names_no_mechanism():
    (only,) = sentences(nothing())
    assert only.startswith("Nothing that these data can show")
    assert "-3 % in NH4 (90 % interval -12 to 6 %)" in only
    assert "by more than chance (p = 0.41)" in only
    found = nothing()
    found["missing"] = {"answer": "no", "why": "why not", "p_value": None, "variables": {}}
    assert sentences(found) == ["Nothing that these data can show is missing in f: why not."]


def test_the_curve_of_an_explanation_speaks_where_there_is_no_n():
    found = kinetics()
    found["driver"] |= {"tank": None, "share": None, "inputs": [], "when": []}
    first, *rest = sentences(found)
    assert first.startswith("Aerobic growth of autotrophs slows when alkalinity (S_ALK) falls below about 1 mol/m3")
    assert not any("variance" in text for text in rest)


def test_what_is_not_clear_is_not_proposed():
    found = several()
    found["proposals"] = [fault()["proposals"][0] | {"name": "influent.N", "key": "influent.N", "clear": False}]
    assert not any("Proposed" in text for text in sentences(found))


def test_a_second_cause_without_an_interval_has_its_chance():
    found = kinetics() | {"second": {"name": "influent.N", "gain": 0.12, "low": None, "high": None, "chance": 0.013}}
    assert (
        "nitrogen of the influent takes away 12 % of the squared error that is left (p = 0.013)" in sentences(found)[2]
    )


def test_the_chance_of_the_explanations_is_not_that_of_n():
    found = kinetics()
    last = "on days left out an explanation errs less than recalibrated f (p = 0.002)"
    assert last in sentences(found)[-1]
    found["missing"]["variables"] = {}
    assert sentences(found)[-1].endswith(f"{last}.")
    found["answer"] |= {"set": [], "first": None}
    assert sentences(found)[0].endswith("by more than chance (p = 0.002).")


def test_without_n_that_is_said_and_the_explanations_are_told():
    found = CASES["unknown"]()
    first, second, *_ = sentences(found)
    assert first == "Whether f lacks anything cannot be told: the run has no n."
    assert "wastage" in second
    assert sentences({"missing": None, "explanations": None, "answer": None}) == [
        "Whether f lacks anything cannot be told."
    ]


@pytest.mark.parametrize(("confidence", "word"), [(0.8, "probably"), (0.5, "perhaps"), (None, "perhaps")])
def test_doubt_is_part_of_the_sentence(confidence, word):
    found = kinetics()
    found["answer"]["confidence"] = confidence
    assert f"autotrophs {word} slows" in sentences(found)[0]


def test_a_gain_whose_interval_holds_zero_is_only_perhaps():
    found = kinetics()
    found["explanations"][0] |= {"removed_low": -0.05}
    assert "perhaps" in sentences(found)[0]


def test_nothing_among_the_best_and_everything_alone_are_said():
    found = kinetics()
    found["answer"] |= {"set": ["nothing", GROWTH], "first": "nothing"}
    assert sentences(found)[0].startswith("No explanation is clearly better than none at all; the best, aerobic growth")
    found["answer"] |= {"set": ["everything"], "first": "everything"}
    assert sentences(found)[0].startswith("No single explanation is enough")
    found["answer"] |= {"set": [], "first": None}
    assert "by more than chance" in sentences(found)[0]


@pytest.mark.parametrize(
    ("factors", "words"),
    [
        ((0.4, 0.7, 1.0, 1.0), "slows when S falls below about 1.5 g/m3"),
        ((1.2, 1.2, 0.9, 0.5), "slows when S rises above about 1.6 g/m3"),
        ((0.5, 1.2, 1.0, 0.6), "is fastest at S of about 1 g/m3"),
        ((1.2, 0.6, 0.9, 1.2), "is slowest at S of about 1 g/m3"),
        ((1.0, 1.01, 0.99, 1.02), "changes with S, but the data do not show how"),
    ],
)
def test_the_shape_is_said_no_further_than_the_seeds_agree(factors, words):
    assert shape(curve(*factors), "S").startswith(words)
    assert "do not show how" in shape(curve(*factors, spread=1.0), "S")


def test_beside_an_answer_of_f_the_factor_is_told_compared_with_it():
    assert shape(curve(0.4, 0.7, 1.0, 1.0), "T", beside_f=True).startswith("is slower than f has it when T falls below")
    assert shape(curve(0.5, 1.2, 1.0, 0.6), "T", beside_f=True).startswith("is fastest, compared with f, at T of about")


def test_an_input_that_explains_little_is_no_driver():
    found = kinetics()
    found["driver"]["share"] = 0.3
    found["explanations"][0] |= {"driver": None}
    assert "alkalinity" not in sentences(found)[0]
    assert "The rate of aerobic growth of autotrophs in f is wrong" in sentences(found)[0]


def test_an_explanation_with_another_driver_than_n_is_told_by_its_own_sizes():
    found = kinetics()
    size = {"name": "log factor at low S_O", "value": -0.693, "low": -0.916, "high": -0.357, "unit": "-"}
    found["explanations"][0] |= {"driver": "S_O", "size": [size]}
    assert sentences(found)[0].startswith(
        "The rate of aerobic growth of autotrophs in f is wrong, by an amount that changes with oxygen (S_O) "
        "(factor at low S_O 0.5, 90 % interval 0.4 to 0.7): this takes away 66 %"
    )


def test_what_matters_when_is_told_only_where_the_effect_is_concentrated():
    found = kinetics()
    assert any("40 % of the time with T below 13.1 degC" in text for text in sentences(found))
    found["driver"]["when"] = [{"condition": "T below 13.1 degC", "share_of_time": 0.5, "share_of_effect": 0.6}]
    assert not any("T below" in text for text in sentences(found))


def test_lines_to_paste_are_a_section_of_the_config():
    rows = fault()["proposals"] + [
        {"section": "offsets", "key": "NH4-N [mg/L]", "value": -1.50412, "unit": "mg/L"},
        {"section": "offsets", "key": "NO", "value": 0.3, "unit": "mg/L"},
    ]
    text = "\n".join(proposal_lines(rows))
    assert parse_yaml(text, "config.yaml").data == {
        "corrections": {
            "factors": {"wastage": 1.75},
            "offsets": {"NH4-N [mg/L]": "-1.5 mg/L", "NO": "0.3 mg/L"},
        }
    }
    assert proposal_lines([]) == []


def test_every_process_of_a_table_has_words():
    for table in ("asm1", "asm2d"):
        for name in load_table(table).process_names:
            assert "_" not in process_words(name)
    assert process_words("growth_fermentation_products") == "growth on fermentation products"
    assert process_words("nitrite_reduction_ammonia_oxidisers") == "nitrite reduction by ammonia oxidisers"


def test_words_of_quantities_explanations_and_figures():
    assert quantity_words("load.COD") == "load of COD"
    assert quantity_words("S_ALK", symbol=False) == "alkalinity"
    assert quantity_words("X_PP") == "X_PP"
    assert explanation_title("process.decay_autotrophs", "decay autotrophs") == "decay of autotrophs"
    assert explanation_title("sensor.NH4.bias", "bias of the sensor NH4") == "bias of the sensor NH4"
    assert explanation_title("lacking.internal_load") == "internal load"
    assert [figure(v) for v in (1234.0, 0.04831, -1.5, 12000.0)] == ["1,230", "0.0483", "-1.5", "12,000"]
