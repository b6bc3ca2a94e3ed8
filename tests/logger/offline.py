"""What W&B keeps of a run offline, read back from its files."""

import json
from dataclasses import dataclass
from pathlib import Path

from fsqa.logger.offline_file import read_records

BOOKKEEPING = ("_step", "_runtime", "_timestamp")


@dataclass(frozen=True)
class Offline:
    """One offline run."""

    run: dict
    """Name, group and so on of the run."""
    config: dict
    history: list[dict]
    """The rows that were logged, without what W&B adds, tables as the rows of their file."""
    steps: list[int]
    summary: dict
    axes: dict[str, str]
    artifacts: list[tuple[str, str, int]]
    """Type, name and number of files."""
    exit_code: int | None


def read(folder: Path) -> Offline:
    """Read an ``offline-run-*`` folder."""
    (path,) = folder.glob("run-*.wandb")
    records = list(read_records(path))
    of_kind = {kind: [getattr(r, kind) for r in records if r.WhichOneof("record_type") == kind] for kind in KINDS}
    (run,) = of_kind["run"]
    items = [{key(item): json.loads(item.value_json) for item in one.item} for one in of_kind["history"]]
    summary: dict = {}
    for one in of_kind["summary"]:
        for item in one.update:
            put(summary, key(item), json.loads(item.value_json))
    return Offline(
        run={
            "id": run.run_id,
            "project": run.project,
            "group": run.run_group,
            "job_type": run.job_type,
            "name": run.display_name,
            "tags": list(run.tags),
        },
        config={item.key: json.loads(item.value_json) for item in run.config.update if item.key != "_wandb"},
        history=[with_tables(folder, item) for item in items],
        steps=[item["_step"] for item in items],
        summary=summary,
        axes={m.name or m.glob_name: m.step_metric for m in of_kind["metric"]},
        artifacts=[(a.type, a.name, len(a.manifest.contents)) for a in of_kind["artifact"]],
        exit_code=of_kind["exit"][0].exit_code if of_kind["exit"] else None,
    )


KINDS = ("run", "history", "summary", "metric", "artifact", "exit")


def parts(run: Path) -> list[Path]:
    """The offline runs of a run folder, in the order of their start."""
    return sorted((run / "wandb").glob("offline-run-*"))


def events(run: Path) -> list[dict]:
    """The history of a run folder."""
    return [json.loads(line) for line in (run / "history.jsonl").read_text(encoding="utf-8").splitlines()]


def plain(row: dict) -> dict:
    """A row without its tables and its clock."""
    return {name: value for name, value in row.items() if name != "seconds" and not isinstance(value, list)}


def table(folder: Path, entry: dict) -> list[dict]:
    """The rows of a table's file."""
    content = json.loads((folder / "files" / entry["path"]).read_text(encoding="utf-8"))
    return [dict(zip(content["columns"], row, strict=True)) for row in content["data"]]


def key(item) -> str:
    return item.key or "\0".join(item.nested_key)


def put(tree: dict, name: str, value: object) -> None:
    *path, last = name.split("\0")
    for part in path:
        tree = tree.setdefault(part, {})
    tree[last] = value


def with_tables(folder: Path, item: dict) -> dict:
    tree: dict = {}
    for name, value in item.items():
        if name not in BOOKKEEPING:
            put(tree, name, value)
    return {
        name: table(folder, value) if isinstance(value, dict) and value.get("_type") == "table-file" else value
        for name, value in tree.items()
    }
