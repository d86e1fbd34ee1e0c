"""What is left of a run, from what its parts take as a rule and what they have taken."""

import pytest
from small_plant import CONFIG, write_case

from asm_hybrid.config import build_layout, load_config, load_kinetics
from asm_hybrid.data import read_dataset
from asm_hybrid.plant import Plant
from asm_hybrid.training import Silent
from asm_hybrid.training.course import Course, Planned, plan_of

PLAN = {
    "start": Planned(2.0),
    "n": Planned(100.0, 50),
    "neural": Planned(60.0, 50),
    "prediction": Planned(10.0),
}


class Told(Silent):
    """Keeps what a receiver is told."""

    def left(self, share, seconds):
        self.share, self.seconds = share, seconds


@pytest.fixture
def run():
    """Return a receiver, the course of a run, and a function that lets time pass by."""
    now, told = [0.0], Told()
    course = Course(told, PLAN, lambda: now[0])

    def passes(seconds):
        now[0] += seconds

    return told, course, passes


def test_a_run_in_one_process_is_the_sum_of_its_parts(run):
    told, course, passes = run
    course.part("start")
    assert (told.share, told.seconds) == (0.0, 172.0)
    passes(4.0)
    course.part("n")  # this machine takes twice the time
    assert told.seconds == pytest.approx(2 * 170.0)
    for _ in range(10):
        passes(3.0)
        course.advance("loss 1")
    assert told.seconds == pytest.approx(40 * 3.0 + 2 * 70.0)  # by the pace of n itself
    assert told.share == pytest.approx(34.0 / (34.0 + told.seconds))
    passes(3.0)  # n improves no more and stops
    course.part("neural")
    course.part("prediction")
    assert told.seconds == pytest.approx(37.0 / 102.0 * 10.0)
    passes(99.0)
    assert course.remaining == 0.0


def test_what_another_process_does_meanwhile_takes_no_time_unless_it_is_the_longer(run):
    told, course, passes = run
    course.part("start")
    passes(2.0)
    course.part("n")
    for step in range(1, 11):
        passes(2.0)
        course.beside("fitting it", step, 50, "")
        course.advance("loss 1")
    assert told.seconds == pytest.approx(40 * 2.0 + 10.0)
    passes(160.0)
    course.beside("fitting it", 20, 50, "")
    course.part("neural")
    assert told.seconds == pytest.approx(30 * 178.0 / 19.0 + 182.0 / 102.0 * 10.0)


def test_steps_that_a_resumed_run_has_done_before_tell_nothing_of_its_pace(run):
    told, course, passes = run
    course.part("start")
    passes(2.0)
    course.part("n")
    for _ in range(20):
        course.advance()
    for _ in range(5):
        passes(2.0)
        course.advance("loss 1")
    assert told.seconds == pytest.approx(25 * 2.0 + 70.0)


def test_a_plan_names_every_part_that_a_config_asks_for(tmp_path):
    config = load_config(write_case(tmp_path, CONFIG))
    table = load_kinetics(config)
    plant = Plant(table, build_layout(config, table))
    plan = plan_of(config, plant, read_dataset(config, table, plant.layout))
    assert list(plan) == ["start", "calibration", "n", "neural", "prediction", "report"]
    assert (plan["calibration"].steps, plan["n"].steps) == (3, 4)
    assert all(part.seconds > 0 for part in plan.values())
