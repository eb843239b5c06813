"""Another machine with the same checkout, as far as one machine can be two: a copy of the code in another folder, and
another virtual environment that imports it from there.
"""

import shutil
import site as python_site
import sys
import sysconfig
import venv
from dataclasses import dataclass
from pathlib import Path

from tests.doubles.prefect_site import ROOT

CODE = ("flows", "tasks", "zoomlib", "prompts", "evaluation", "prefect.yaml", "pyproject.toml")


@dataclass(frozen=True)
class Elsewhere:
    """checkout: the copy. commands: the folder of its virtual environment's commands, `tenfold` and `prefect`."""

    checkout: Path
    commands: Path

    @property
    def variables(self) -> dict[str, str]:
        """What its processes see instead of our own folders."""
        path = f"{self.commands}:/usr/local/bin:/usr/bin:/bin"
        return {"PYTHONPATH": "", "PATH": path, "VIRTUAL_ENV": str(self.commands.parent)}

    def command(self, name: str) -> str:
        """The path of a command of its environment."""
        return str(self.commands / name)


def make_elsewhere(folder: Path) -> Elsewhere:
    """Copy the code, and make an environment whose packages are ours and whose Tenfold is the copy."""
    checkout = folder / "another checkout"
    checkout.mkdir(parents=True)
    for name in CODE:
        kind = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        kind(ROOT / name, checkout / name)
    environment = folder / "another-venv"
    venv.create(environment, symlinks=True, with_pip=False)
    commands = environment / "bin"
    packages = sysconfig.get_path("purelib", vars={"base": str(environment), "platbase": str(environment)})
    own = [path for path in {sysconfig.get_path("purelib"), *python_site.getsitepackages()} if Path(path).is_dir()]
    (Path(packages) / "elsewhere.pth").write_text("\n".join([str(checkout), *own]) + "\n")
    for name, code in (("tenfold", "flows.cli import main"), ("prefect", "prefect.cli import app as main")):
        script = f"#!{commands / 'python'}\nimport sys\nfrom {code}\nsys.exit(main())\n"
        (commands / name).write_text(script)
        (commands / name).chmod(0o755)
    assert Path(sys.prefix) not in commands.parents
    return Elsewhere(checkout, commands)
