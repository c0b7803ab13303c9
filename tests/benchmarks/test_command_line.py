"""Does `python -m benchmarks` do what its README says?"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.__main__ import parse
from benchmarks.plot import draw
from benchmarks.rows import ROWS

ROOT = Path(__file__).resolve().parents[2]


def test_pykka_is_measured_in_every_run_that_has_peers() -> None:
    assert parse(["--peers", "otp"]).peers == ["pykka", "otp"]
    assert parse(["--peers", "none"]).peers == []


def test_all_rows_run_by_default_three_times_or_once_when_quick() -> None:
    assert parse([]).rows == list(ROWS)
    assert [parse(arguments).runs for arguments in ([], ["--quick"], ["--quick", "--runs", "2"])] == [3, 1, 2]


@pytest.mark.parametrize("arguments", [["--rows", "tell,shout"], ["--peers", "akka"], ["--runs", "0"]])
def test_what_is_unknown_is_refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        parse(arguments)
    assert arguments[0] in capsys.readouterr().err


@pytest.mark.slow
def test_a_quick_run_prints_a_table_and_writes_the_documented_json(tmp_path: Path) -> None:
    file = tmp_path / "run.json"
    command = [sys.executable, "-m", "benchmarks", "--quick", "--rows", "tell", "--peers", "pykka"]
    done = subprocess.run([*command, "--json", str(file)], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    run = json.loads(file.read_text(encoding="utf-8"))
    assert list(run) == ["machine", "options", "peers", "rows", "failures"]
    assert run["options"] == {"rows": ["tell"], "peers": ["pykka"], "runs": 1, "quick": True}
    assert run["peers"]["pykka"]["available"] is True
    assert run["failures"] == []
    [row] = run["rows"]
    [metric] = row["metrics"]
    assert set(row["sizes"]) == set(metric["values"]) == {"actortree", "pykka"}
    medians = {peer: value["median"] for peer, value in metric["values"].items()}
    assert metric["ratios"]["pykka"] == medians["actortree"] / medians["pykka"] > 0
    assert any(line.startswith("tell  ") for line in done.stdout.splitlines())


def test_the_plot_is_an_image_with_a_curve_for_each_peer(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    points = [(10, 0.1), (100, 0.2)]
    curves = {cost: {"actortree": points, "pykka": points} for cost in ("spawn", "bytes", "stop")}
    image = tmp_path / "scale.png"
    draw(curves, str(image))
    assert image.read_bytes().startswith(b"\x89PNG")
