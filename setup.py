"""What pyproject.toml cannot say: a wheel holds the quickstart too, which stands in configs/ and data/."""

from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

EXAMPLE = ("configs/quickstart.yaml", "data/quickstart/plant.csv")


class BuildWithExample(build_py):
    """Copy the quickstart beside the template of a config, where ``asm-hybrid init --example`` looks for it."""

    def run(self) -> None:
        """Build as usual; an editable installation finds the files in the repository."""
        super().run()
        if not self.editable_mode:
            target = Path(self.build_lib, "asm_hybrid", "config", "templates", "example")
            self.mkpath(str(target))
            for path in EXAMPLE:
                self.copy_file(path, str(target / Path(path).name))


setup(cmdclass={"build_py": BuildWithExample})
