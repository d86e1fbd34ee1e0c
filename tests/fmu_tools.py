"""FMUs of the toy plant, made once for all workers, and what tests do with them."""

from __future__ import annotations

import ctypes
import io
import struct
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from fmpy import read_model_description
from fmpy.fmi1 import FMICallException
from fmpy.simulation import instantiate_fmu

KINDS = [(2, "CoSimulation"), (2, "ModelExchange"), (3, "CoSimulation"), (3, "ModelExchange")]
SLAVES = [pair for pair in KINDS if pair[1] == "CoSimulation"]


@dataclass(frozen=True)
class Made:
    """An FMU, its folder, what it says of itself, and its variables by name."""

    path: Path
    folder: Path
    description: Any

    @staticmethod
    def of(path: Path, folder: Path) -> Made:
        with zipfile.ZipFile(path) as archive:
            archive.extractall(folder)
        return Made(path, folder, read_model_description(path))

    def __getitem__(self, name: str) -> int:
        return next(v.valueReference for v in self.description.modelVariables if v.name == name)

    @property
    def token(self) -> str:
        return str(self.description.guid)

    def library(self, platform: str) -> Path:
        return next((self.folder / "binaries").glob(f"*{platform}*/*"))


class Instance:
    """One instance, whose calls answer with a status in place of an exception, and whose messages are kept."""

    def __init__(self, made: Made, version: int, kind: str, *, logging: bool = False) -> None:
        self.messages: list[str] = []
        self.version, self.kind = version, kind
        logger = self._log2 if version == 2 else self._log3
        self.fmu = instantiate_fmu(str(made.folder), made.description, kind, debug_logging=logging, logger=logger)

    def _log2(self, environment: Any, name: Any, status: int, category: bytes, message: bytes) -> None:
        self.messages.append(f"{category.decode()}: {message.decode()}")

    def _log3(self, environment: Any, status: int, category: bytes, message: bytes) -> None:
        self.messages.append(f"{category.decode()}: {message.decode()}")

    def begin(self, *, stop: float | None = None, tolerance: float = 1e-8) -> None:
        if self.version == 2:
            self.fmu.setupExperiment(tolerance=tolerance, startTime=0.0, stopTime=stop)
            self.fmu.enterInitializationMode()
        else:
            self.fmu.enterInitializationMode(tolerance=tolerance, startTime=0.0, stopTime=stop)
        self.fmu.exitInitializationMode()
        if self.kind == "ModelExchange":
            self.update()
            self.fmu.enterContinuousTimeMode()

    def free(self) -> None:
        getattr(self.fmu, f"fmi{self.version}FreeInstance")(self.fmu.component)

    def update(self) -> tuple[Any, ...]:
        return tuple(self.fmu.newDiscreteStates() if self.version == 2 else self.fmu.updateDiscreteStates())

    def status(self, function: str, *arguments: Any) -> int:
        try:
            getattr(self.fmu, f"fmi{self.version}{function}")(self.fmu.component, *arguments)
        except FMICallException as error:
            return int(error.status)
        return 0

    def step(self, now: float, size: float) -> int:
        if self.version == 2:
            return self.status("DoStep", now, size, 1)
        flags = [ctypes.byref(ctypes.c_bool()) for _ in range(3)]
        return self.status("DoStep", now, size, True, *flags, ctypes.byref(ctypes.c_double()))

    def get(self, *references: int) -> np.ndarray:
        return np.array(self.fmu.getReal(references) if self.version == 2 else self.fmu.getFloat64(references))

    def set(self, reference: int, value: float) -> int:
        one, values = (ctypes.c_uint32 * 1)(reference), (ctypes.c_double * 1)(value)
        if self.version == 2:
            return self.status("SetReal", one, 1, values)
        return self.status("SetFloat64", one, 1, values, 1)

    def move(self, made: Made, name: str, slope: float) -> int:
        """Let an input move within the next step, by so much a second."""
        if self.version == 3:
            return self.set(made[f"der({name})"], slope)
        one, order = (ctypes.c_uint32 * 1)(made[name]), (ctypes.c_int32 * 1)(1)
        return self.status("SetRealInputDerivatives", one, 1, order, (ctypes.c_double * 1)(slope))


@contextmanager
def instance(made: Made, version: int, kind: str, **options: Any) -> Iterator[Instance]:
    """Yield an instance, which is freed afterwards."""
    opened = Instance(made, version, kind, **options)
    try:
        yield opened
    finally:
        opened.free()


def exported_by_dll(content: bytes) -> set[str]:
    """Return the names that a Windows library exports, from the export directory of its PE header."""
    pe = struct.unpack_from("<I", content, 60)[0]
    sections, optional = struct.unpack_from("<H", content, pe + 6)[0], struct.unpack_from("<H", content, pe + 20)[0]
    tables = [struct.unpack_from("<IIII", content, pe + 24 + optional + 40 * i + 8) for i in range(sections)]

    def place(address: int) -> int:
        start, raw = next((a, p) for s, a, _, p in tables if a <= address < a + max(s, 1))
        return address - start + raw

    directory = place(struct.unpack_from("<I", content, pe + 24 + 112)[0])
    count, _, names = struct.unpack_from("<III", content, directory + 24)
    found = set()
    for i in range(count):
        at = place(struct.unpack_from("<I", content, place(names) + 4 * i)[0])
        found.add(content[at : content.index(b"\0", at)].decode())
    return found


def unpacked(archive: bytes) -> dict[str, bytes]:
    """Return the files of an archive."""
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        return {name: opened.read(name) for name in opened.namelist()}
