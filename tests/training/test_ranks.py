"""Processes that share the windows of a training end as one process does, and the same number to the same bits."""

import multiprocessing
import os
import signal
import socket
from pathlib import Path

import pytest
import torch
from run_files import content
from safetensors.torch import load_file
from small_plant import BEYOND, CONFIG, write_case
from torch import nn

from asm_hybrid.solver.rosenbrock import Solution
from asm_hybrid.training import train
from asm_hybrid.training.fit import Fit, FitProblem, FitSettings
from asm_hybrid.training.follower import follow
from asm_hybrid.training.ranks import ALONE, LostProcessError, present_ranks, torchrun_ranks
from asm_hybrid.training.shooting import Shooting

_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(["asm_hybrid.training.run", "asm_hybrid.training.follower"])
WINDOWS = 3


class Pulled(nn.Module):
    """A model whose state falls by a tenth in a window, and rises by a learnt w and its square times an input."""

    def __init__(self):
        super().__init__()
        self.w = nn.Parameter(torch.tensor([[[0.1, 0.2]], [[0.3, -0.1]]], dtype=torch.float64))

    def simulate(self, x0, inputs, *, record_knots=False):
        w = self.w.unsqueeze(2)
        driven = inputs[..., -1, :].view(*([1] * (x0.dim() - 3)), -1, 1, 1) if inputs.dim() == 3 else 0.0
        final = 0.9 * x0 + w + w.square() * driven
        ok = final.detach().flatten(-2).abs().amax(-1) < 40.0
        return Solution(final, torch.stack([x0, final], dim=2) if record_knots else None, final, ok)


class Cut:
    """Windows; measured is the state at the end of each."""

    def __len__(self):
        return WINDOWS

    def inputs(self, inputs, index):
        return inputs[index]

    def counts(self, index):
        return torch.full((len(index),), 2)

    def residuals(self, outputs, index):
        return (outputs - torch.linspace(0, 2, WINDOWS, dtype=torch.float64)[index].view(1, -1, 1, 1)).flatten(2)


def fitted(kind, saved=None):
    """Return the weights, the records and the states at the starts of a fit on the processes there are."""
    model, records = Pulled(), []
    starts = torch.arange(4 * WINDOWS, dtype=torch.float64).reshape(2, WINDOWS, 1, 2) / 10
    if kind == "diverging":
        starts[0, 1] = 100.0  # the second window is left out

    def validate():
        x = torch.zeros(2, 1, 1, 2, dtype=torch.float64)
        along = [x]
        for _ in range(WINDOWS):
            along.append(model.simulate(along[-1], torch.zeros(1, 3, 1)).final)
        return (along[-1] - 3.0).square().flatten(1).sum(1), torch.cat(along[:-1], dim=1)

    settings = FitSettings(6, 2 if kind == "drawn" else 9, 0.05, 3, 99, (1, 2), 0.5, carries_adjoint=kind == "adjoint")
    shooting = None
    if kind == "shooting":
        shooting = Shooting(2, WINDOWS, torch.rand(9, 1, 2, dtype=torch.float64) + 1, torch.ones(1, 2))
    inputs = torch.linspace(0, 1, 3 * WINDOWS, dtype=torch.float64).reshape(WINDOWS, 3, 1)
    penalty = (
        (lambda X, u: 0.1 * (X * model.w.unsqueeze(2).unsqueeze(2)).square().flatten(1).mean(1).sqrt())
        if (kind == "penalty")
        else None
    )
    problem = FitProblem(model, model, inputs, Cut(), starts, validate, penalty, shooting)
    result = Fit(problem, settings, ranks=present_ranks()).run(report=records.append)
    return [model.w.detach().clone(), problem.starts.clone()], records, result


KINDS = ["plain", "drawn", "adjoint", "penalty", "shooting", "diverging"]


def _fit_all(path, ranks):
    torch.manual_seed(0)
    found = {kind: fitted(kind) for kind in KINDS}
    torch.save({kind: [*f[0], f[1], f[2].best] for kind, f in found.items()}, f"{path}/{ranks.size}-{ranks.rank}.pt")


def _train(path, ranks, out, resume):
    config = Path(path) / "config.yaml"
    if ranks.leads:
        train(config if not resume else Path(path) / out / "config.yaml", Path(path) / out, resume=resume)
    else:
        follow(ranks)


def _dying(path, ranks, out, place):
    """Train on two processes, of which one ends at its third gradient step."""
    step, count = Fit.step, 0

    def dies(self):
        nonlocal count
        count += 1
        if count == 3 and ranks.rank == place:
            os.kill(os.getpid(), signal.SIGKILL)
        return step(self)

    Fit.step = dies
    try:
        _train(path, ranks, out, False)
    except LostProcessError as error:
        Path(path, f"lost-{ranks.rank}").write_text(str(error))
        os._exit(3)


def _process(size, rank, port, work, arguments):
    torch.set_num_threads(1)
    told = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": size, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    os.environ |= {name: str(value) for name, value in told.items()}
    with torchrun_ranks() as ranks:
        work(arguments[0], ranks, *arguments[1:])


def on_processes(size, work, *arguments):
    """Do something on several processes, as torchrun would begin them; return how they ended."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    begun = [_FORKS.Process(target=_process, args=(size, rank, port, work, arguments)) for rank in range(size)]
    for process in begun:
        process.start()
    for process in begun:
        process.join()
    return [process.exitcode for process in begun]


@pytest.fixture(scope="module")
def fits(tmp_path_factory):
    """Return fits of a toy on one, two and four processes, of which the last has no window."""
    folder = tmp_path_factory.mktemp("fits")
    _fit_all(str(folder), ALONE)
    for size in (2, WINDOWS + 1):
        assert on_processes(size, _fit_all, str(folder)) == [0] * size
    return {path.stem: torch.load(path) for path in folder.iterdir()}


@pytest.mark.parametrize("kind", KINDS)
def test_a_fit_is_the_same_on_any_number_of_processes(fits, kind):
    w, starts, records, best = fits["1-0"][kind]
    assert len(records) == 6
    for name, found in fits.items():
        torch.testing.assert_close(found[kind][0], w, rtol=0, atol=1e-10)
        torch.testing.assert_close(found[kind][1], starts, rtol=0, atol=1e-10)
        assert found[kind][3] == pytest.approx(best, abs=1e-10)
        for one, other in zip(found[kind][2], records, strict=True):
            assert one["loss"] == pytest.approx(other["loss"], abs=1e-10), name
            assert one.get("skipped") == other.get("skipped")
    for rank in (0, 1):  # all processes have the same bits
        assert torch.equal(fits[f"2-{rank}"][kind][0], fits["2-0"][kind][0])


TEXT = (
    CONFIG.replace("seeds: [1, 2]", "seeds: [1], stages: [collocation, growing, windows]")
    .replace("window: 2 h", "window: 4 h")
    .replace("as: aerobic.S_NH, unit", "as: aerobic.S_NH, bias: learn, unit")
    .replace("validate_every: 2", "validate_every: 1")
)


@pytest.mark.slow
def test_two_processes_train_as_one_and_go_on_after_one_has_died(tmp_path):
    torch.set_num_threads(1)
    config = write_case(tmp_path, TEXT, truth=BEYOND)
    train(config, tmp_path / "one")
    path = str(tmp_path)
    assert on_processes(2, _train, path, "two", False) == [0, 0]
    assert on_processes(2, _dying, path, "again", 1) == [3, -signal.SIGKILL]
    said = (tmp_path / "lost-0").read_text()
    assert "another process of this training has ended" in said
    assert "train --resume RUN" in said
    assert on_processes(2, _train, path, "again", True) == [0, 0]
    one, two = (load_file(tmp_path / name / "weights.safetensors") for name in ("one", "two"))
    for name, tensor in one.items():
        torch.testing.assert_close(two[name], tensor, rtol=0, atol=1e-10)
    found, expected = content(tmp_path / "again"), content(tmp_path / "two")
    assert [name for name in expected if found.get(name) != expected[name] and "checkpoint" not in name] == []


def test_a_process_by_itself_is_alone(monkeypatch):
    for name in ("RANK", "WORLD_SIZE"):
        monkeypatch.delenv(name, raising=False)
    with torchrun_ranks() as ranks:
        assert ranks is ALONE
        assert ranks.leads
    assert present_ranks() is ALONE
