"""Exporting a run in formats that are chosen by their names: everything, or nothing, and nothing over what is there."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePath

from asm_hybrid.artefacts import WritingError, make_folder, sync_folder, user_path
from asm_hybrid.errors import InputError, nearest, readable
from asm_hybrid.export.format import FREE, Format, Source, occupied
from asm_hybrid.manifest import verify_manifest
from asm_hybrid.paths import as_path
from asm_hybrid.registry import discover
from asm_hybrid.staging import staging
from asm_hybrid.unpacked import run_folder, source_of
from asm_hybrid.yamlfile import YamlSource

__all__ = ["Exported", "available_formats", "export_run"]


@dataclass(frozen=True)
class Exported:
    """What an export wrote.

    Attributes
    ----------
    paths : mapping of str to tuple of Path
        Name of the format to its files and folders.
    notes : list of str
        What the user should know of them.
    """

    paths: Mapping[str, tuple[Path, ...]]
    notes: list[str]

    @property
    def text(self) -> str:
        """Files with their sizes, notes, and how to open each format, in lines."""
        lines = [f"{name}: {path} ({_size(path)})" for name, paths in self.paths.items() for path in paths]
        hints = [(name, available_formats()[name].opens, paths[0]) for name, paths in self.paths.items()]
        opens = [f"{name}: {hint.format(path=str(path))}" for name, hint, path in hints if hint]
        return "\n".join([*lines, *self.notes, *opens])


@dataclass(frozen=True)
class _Target:
    """One file or folder that is to be written."""

    format_: Format
    ending: str
    path: Path
    name: str

    @property
    def is_folder(self) -> bool:
        return not _suffix(self.ending)

    @property
    def other(self) -> str:
        """What a user can do where it cannot be written."""
        file = f"{self.name}{self.ending}"
        folder = self.path.is_dir() and self.path.name != file  # and not an earlier export, which is to stay as it is
        return f"give another one with --out{f', such as {self.path / file}' if folder else ''}"


@cache
def available_formats() -> Mapping[str, Format]:
    """Return the export formats by name, in order."""
    return discover("asm_hybrid.export.formats", "FORMAT", Format)


def export_run(
    run: str | Path,
    formats: str | Sequence[str] = "bundle",
    out: str | Path | None = None,
    *,
    scenario: YamlSource | None = None,
    case: str | None = None,
    force: bool = False,
) -> Exported:
    """Export the fitted model of a run for use elsewhere: in all formats that are named, or not at all.

    Parameters
    ----------
    run : str or Path
        A run folder of a plant, a bundle, or a zip of either.
    formats : str or sequence of str
        Name of a format, or several.
    out : str or Path, optional
        The file or the folder to write, where one format is asked for and `out` tells which of its files it is; for
        all else a folder, made where there is none, that takes everything under the name of the run. Beside the run
        without it.
    scenario : str, Path or mapping, optional
        A scenario file whose controllers and time tables the plant gets, for formats that calculate; its ``period``
        tells where the model starts.
    case : str, optional
        Which of its scenarios, where it holds several.
    force : bool, optional
        Whether to replace an export that is there: a file of the same name, or a folder that holds nothing but files
        that the new one has, too. The old one stays where the new one fails.

    Returns
    -------
    Exported

    Raises
    ------
    InputError
        If a format is not known, given twice, or cannot hold the run, a file of the run is missing or differs from the
        manifest, or a target holds something, lies in the run, or cannot be written.
    """
    chosen = _chosen(formats)
    if scenario is not None:
        _refuse_unsteered(chosen)
    elif case is not None:
        raise InputError(
            f"the case {case!r} is of no scenario", expected="a scenario file", fix="give it with --scenario"
        )
    folder = run_folder(run)
    verify_manifest(folder)
    place, name = source_of(folder).resolve(), folder.resolve().name
    targets = _targets(place.parent / name, chosen, None if out is None else user_path(as_path(out, "a path")))
    _refuse(targets, place, force)
    notes, source = list[str](), Source(folder, scenario, case)
    with staging(targets[0].path.with_name(f"{name}-export")) as room:
        for format_ in chosen:
            with _told(next(target for target in targets if target.format_ is format_)):
                stem = make_folder(room / format_.name) / name
                notes += [f"{format_.name}: {note}" for note in format_.write(source, stem)]
        written = [target for target in targets if _is_written(target, room)]
        _refuse(written, place, force)  # a compiler may have taken minutes
        _put(written, room)
    return Exported({f.name: tuple(t.path for t in written if t.format_ is f) for f in chosen}, notes)


def _chosen(formats: str | Sequence[str]) -> list[Format]:
    """Return the formats of some names."""
    known = available_formats()
    names = [formats] if isinstance(formats, str) else list(formats)
    expected = "one or more of " + ", ".join(known)
    for i, name in enumerate(names):
        if name not in known:
            raise InputError(
                f"the export format {name!r} is not known", expected=expected, fix=nearest(str(name), known)
            )
        if name in names[:i]:
            raise InputError(f"the export format {name!r} is given twice", expected=expected, fix="give it once")
    if not names:
        raise InputError("no export format is given", expected=expected, fix="leave it out for a bundle")
    return [known[name] for name in names]


def _refuse_unsteered(chosen: Sequence[Format]) -> None:
    """Refuse a scenario with formats that hold the run as it was trained."""
    able = [f.name for f in available_formats().values() if f.steered]
    for format_ in chosen:
        if not format_.steered:
            raise InputError(
                f"the format {format_.name!r} holds the run as it was trained, without a scenario",
                expected="a scenario with " + " or ".join(able),
                fix=f"leave the scenario out, or export with --format {able[0]}",
            )


def _suffix(name: str) -> str:
    return PurePath(name).suffix.lower()


def _targets(run: Path, chosen: Sequence[Format], out: Path | None) -> list[_Target]:
    """Return what is to be written; the run is told as the folder that it is, or would be if it were not a zip."""
    folder = run.parent
    if out is not None:
        folder = out.absolute()
        ending = _named(folder, chosen)
        if ending is not None:
            return [_Target(chosen[0], ending, folder, run.name)]
    return [_Target(f, ending, folder / f"{run.name}{ending}", run.name) for f in chosen for ending in f.endings]


def _named(out: Path, chosen: Sequence[Format]) -> str | None:
    """Return the ending of the one file or folder that `out` names; None where it is a folder that takes all."""
    endings = [ending for format_ in chosen for ending in format_.endings]
    alike = [ending for ending in endings if _suffix(ending) and _suffix(ending) == _suffix(out.name)]
    if len(chosen) == 1:
        if len(alike) == 1:
            return alike[0]
        if not alike:
            _refuse_foreign_suffix(out, chosen[0])
        folders = [ending for ending in endings if not _suffix(ending)]
        if len(folders) == 1 and not alike:
            return folders[0]
        if len(endings) == 1 and out.suffix and not os.path.isdir(out):
            return endings[0]
    if alike and not os.path.isdir(out):
        raise InputError(
            f"this names one file, and {len(endings)} are to be written",
            where=str(out),
            expected="the name of a folder, which takes " + ", ".join(f"RUN{ending}" for ending in endings),
            fix="give a folder with --out",
        )
    return None


def _refuse_foreign_suffix(out: Path, format_: Format) -> None:
    """Refuse the name of a file of another format."""
    for other in available_formats().values():
        if _suffix(out.name) in map(_suffix, filter(_suffix, other.endings)) and not os.path.isdir(out):
            raise InputError(
                f"this is the name of a file of the format {other.name!r}, and not of {format_.name!r}",
                where=str(out),
                expected="the name of a folder, or one that ends as "
                + ", ".join(f"RUN{ending}" for ending in format_.endings),
                fix=f"choose --format {other.name}, or give another name with --out",
            )


def _refuse(targets: Sequence[_Target], run: Path, force: bool) -> None:
    """Refuse targets that may not be written."""
    for target in targets:
        found = occupied(target.path)
        _refuse_inside(target.path, run)
        if found is not None or (target.path.is_dir() and not target.is_folder):
            _refuse_occupied(target, found or "a folder of that name exists", force)


def _refuse_inside(path: Path, run: Path) -> None:
    with readable("the target cannot be used", where=str(path), expected="one that may be created and written"):
        place = path.resolve()
    if place.is_relative_to(run):
        raise InputError(
            "the target is the run, or lies in it",
            where=str(path),
            expected="a place outside it, since the files of a run are checked against its manifest",
            fix="leave --out away: the export is written beside the run",
        )


def _refuse_occupied(target: _Target, found: str, force: bool) -> None:
    """Refuse what is in the way, but for what may be replaced."""
    path, kind = target.path, "folder" if target.is_folder else "file"
    if path.is_symlink() or not (path.is_dir() if target.is_folder else path.is_file()):
        expected = f"the name of a {kind} to write"
        raise InputError(found, where=str(path), expected=expected, fix=f"{target.other}, or move this one away")
    if not force:
        fix = f"replace an earlier export with --force, or {target.other}"
        raise InputError(found, where=str(path), expected=FREE, fix=fix)


@contextlib.contextmanager
def _told(target: _Target) -> Iterator[None]:
    """Name the target, and not what it is staged in, where the disk is full or the like."""
    try:
        yield
    except (WritingError, OSError) as error:
        reason = error.error if isinstance(error, WritingError) else error
        raise WritingError(reason, target.path, "folder" if target.is_folder else "file") from error


def _staged(target: _Target, room: Path) -> Path:
    """Return where a format has written what is meant for a target."""
    return room / target.format_.name / f"{target.name}{target.ending}"


def _is_written(target: _Target, room: Path) -> bool:
    """Tell whether a run has something for a target; refuse to leave an earlier export there where it has nothing."""
    if target.ending not in target.format_.optional or _staged(target, room).exists():
        return True
    if occupied(target.path) is not None:
        raise InputError(
            "an earlier export is there, and this run has nothing that could replace it",
            where=str(target.path),
            expected="nothing there, since it would seem to belong to this run",
            fix="move it away",
        )
    return False


def _put(targets: Sequence[_Target], room: Path) -> None:
    """Move what is complete to its place: all of it, or nothing."""
    new = {target: _staged(target, room) for target in targets}
    for target, path in new.items():
        if target.is_folder and target.path.is_dir():
            _refuse_foreign(target, path)
    with contextlib.ExitStack() as undo:
        for i, (target, path) in enumerate(new.items()):
            with _told(target):
                undo.callback(_back, target.path, _aside(target.path, room / f"old-{i}"))
                os.replace(path, target.path)
                sync_folder(target.path.parent)
        undo.pop_all()


def _refuse_foreign(target: _Target, new: Path) -> None:
    """Refuse to replace a folder in which there is anything that the new one does not have: it may be the user's."""
    folder = target.path
    names = {path.relative_to(new) for path in new.rglob("*")}
    foreign = sorted(
        str(path.relative_to(folder)) for path in folder.rglob("*") if path.relative_to(folder) not in names
    )
    if foreign:
        raise InputError(
            f"the folder holds {', '.join(foreign[:3])}{', …' * (len(foreign) > 3)}, which this export does not write",
            where=str(folder),
            expected="with --force, a folder that holds an earlier export and nothing else",
            fix=f"{target.other}, or move this one away",
        )


def _aside(target: Path, old: Path) -> Path | None:
    """Keep what is at a target: a folder is moved, a file is copied and stays until it is replaced."""
    if target.is_dir():
        os.replace(target, old)
    elif target.exists():
        shutil.copy2(target, old)
    else:
        return None
    return old


def _back(target: Path, old: Path | None) -> None:
    """Put back what was at a target."""
    with contextlib.suppress(OSError):
        if target.is_dir():
            shutil.rmtree(target)
        if old is None:
            target.unlink(missing_ok=True)
        else:
            os.replace(old, target)


def _size(path: Path) -> str:
    """Return the size of a file, or of the files of a folder, in words."""
    files = [p for p in path.rglob("*") if p.is_file()] if path.is_dir() else [path]
    number, unit = float(sum(p.stat().st_size for p in files)), "B"
    for larger in ("kB", "MB", "GB"):
        if number < 1000:
            break
        number, unit = number / 1000, larger
    count = f"{len(files)} files, " if path.is_dir() else ""
    return f"{count}{number:.3g} {unit}"
