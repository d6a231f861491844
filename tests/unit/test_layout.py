"""Where things are, as far as a wrong place breaks something."""

import operator
import re
import subprocess
from pathlib import Path

LONGEST = 450
"""Lines; code aims at 250, tables of cases may be longer."""
ROOT = Path(__file__).resolve().parents[2]


def tracked() -> list[Path]:
    """The project's files, without those that only this machine has."""
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False).stdout
    return [ROOT / name for name in listing.split("\0") if name and (ROOT / name).is_file()]


def test_nothing_shadows_the_standard_library() -> None:
    assert not (ROOT / "operator" / "__init__.py").exists(), "operator/ is a source root, not a package"
    assert not [path for path in (ROOT / "tests").rglob("operator") if path.is_dir()]
    assert operator.itemgetter(0)("ok") == "o"


def test_requirements_are_pinned_with_hashes_and_name_no_registry() -> None:
    files = [*ROOT.glob("requirements/*.txt"), *ROOT.glob("dev/**/*requirements.txt")]
    assert files
    for file in files:
        text = file.read_text(encoding="utf-8")
        pins = [line for line in text.splitlines() if line and not line.startswith((" ", "#"))]
        assert all(re.match(r"[\w.\-]+(\[[\w,]+\])?==\S+ \\$", pin) for pin in pins), file
        assert "://" not in text, file


def test_files_can_be_read_in_one_sitting() -> None:
    lengths = {path: len(path.read_bytes().splitlines()) for path in tracked() if path.suffix == ".py"}
    assert not {str(path): length for path, length in lengths.items() if length > LONGEST}
