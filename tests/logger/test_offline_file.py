"""The reader of W&B's offline files against W&B's own."""

import json
import subprocess
import sys

from fsqa.logger.base import Ending
from fsqa.logger.offline_file import BLOCK, held_events, read_records
from tests.logger import offline
from tests.logger.facts import events, wandb_logger


def test_it_reads_what_wandb_reads_over_block_boundaries(tmp_path):
    logger = wandb_logger(tmp_path)
    logger.start([], resumed=False)
    for number, event in enumerate(events(40)):
        logger.log_event(number, event | {"note": f"{number} " * 900})
    logger.close(Ending("done", 0))
    (part,) = offline.parts(tmp_path)
    (path,) = part.glob("*.wandb")
    assert path.stat().st_size > 2 * BLOCK
    told = subprocess.run(
        [sys.executable, "-m", "wandb", "leet", "inspect", "--json", str(path)], capture_output=True, check=True
    )
    theirs = [json.loads(line) for line in told.stdout.splitlines()]
    ours = list(read_records(path))
    assert [record.WhichOneof("record_type") for record in ours] == [record["type"] for record in theirs]
    logged = [record["history"]["item"] for record in theirs if record["type"] == "history"]
    assert [plain_json(row) for row in logged] == [plain_json(row) for row in offline.read(part).history]
    assert len(logged) == held_events(tmp_path / "wandb") == 40

    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    assert 0 < held_events(tmp_path / "wandb") < 40, "a killed run ends with its last whole record"
    path.write_bytes(b"")
    assert held_events(tmp_path / "wandb") == 0


def plain_json(row: dict) -> dict:
    return {name: value for name, value in row.items() if not name.startswith("_")}
