"""``fsqa wandb``: send a study's runs to W&B, and make the page there that compares them."""

from __future__ import annotations

from pathlib import Path

from fsqa.commands.arguments import Arguments, parse
from fsqa.errors import InputError, did_you_mean

ACTIONS = {
    "sync": "send the runs that were kept offline",
    "workspace": "make the page that compares the cells of a study",
}

USAGE = """usage: fsqa wandb ACTION ...

{actions}

fsqa wandb ACTION --help tells more. Runs are logged with fsqa train logger=wandb
"""


def run(words: list[str]) -> int:
    """Do what the first word names."""
    if not words or words[0] in ("-h", "--help"):
        print(USAGE.format(actions="\n".join(f"  {name:10} {what}" for name, what in ACTIONS.items())).rstrip())
        return 0
    action, *rest = words
    if action not in ACTIONS:
        raise InputError(f"fsqa wandb {action}: no such action{did_you_mean(action, ACTIONS)}; see fsqa wandb --help")
    return _sync(rest) if action == "sync" else _workspace(rest)


def _sync(words: list[str]) -> int:
    """Send what is not sent yet; 0 when all of it was, 1 otherwise."""
    parser = Arguments("fsqa wandb sync", "Send the runs of a study that W&B keeps offline, by wandb sync.")
    parser.add_argument("study", nargs="+", type=Path, help="a study folder, such as outputs/default, or a run folder")
    parser.add_argument("--entity", help="the user or team they go to; default: your own")
    parser.add_argument("--dry-run", action="store_true", help="only tell what would be sent")
    options = parse(parser, words)

    from fsqa.dashboard.sync import find_parts, send

    parts = [part for study in options.study for part in find_parts(study)]
    left = [part for part in parts if not part.is_sent]
    runs = len({part.run for part in left})
    told = f"{runs} of {len({part.run for part in parts})} runs, {len(left)} parts"
    if not left:
        print(f"all {len({part.run for part in parts})} runs were sent before")
        return 0
    if options.dry_run:
        for part in left:
            print(part.file.parent)
        print(f"would send {told}")
        return 0
    _check_key("fsqa wandb sync")
    sent = send(left, entity=options.entity)
    print(f"sent {sent} of {len(left)} parts of {runs} runs")
    return 0 if sent == len(left) else 1


def _workspace(words: list[str]) -> int:
    """Write the page as JSON, and save it in W&B where there is a key."""
    parser = Arguments("fsqa wandb workspace", "Make the page in W&B that compares the cells of a study.")
    parser.add_argument("study", type=Path, help="a study folder, such as outputs/default")
    parser.add_argument("--entity", help="the user or team whose project it is; default: your own")
    options = parse(parser, words)

    from fsqa.dashboard.workspace import as_json, build_workspace, study_dashboard
    from fsqa.files import write_json
    from fsqa.logger.wandb_environment import has_key, quiet
    from fsqa.study.cells import group_runs
    from fsqa.study.runs import read_study

    runs = read_study(options.study)
    dashboard = study_dashboard(runs[0].study, group_runs(runs))
    is_known = has_key()
    with quiet():
        entity = options.entity or (_own_entity() if is_known else "")
        workspace = build_workspace(dashboard, entity)
    path = options.study / "report" / "workspace.json"
    write_json(path, as_json(workspace))
    print(f"wrote {path}: {sum(len(section.panels) for section in dashboard.sections)} panels")
    if not is_known:
        print("not saved in W&B: there is no key; run wandb login or set WANDB_API_KEY, and type this again")
        return 0
    try:
        workspace.save()
    except Exception as error:
        raise InputError(f"fsqa wandb workspace: W&B does not take it: {' '.join(str(error).split())}") from error
    print(f"saved {workspace.url}")
    return 0


def _own_entity() -> str:
    import wandb

    try:
        entity: str = wandb.Api().default_entity
    except Exception as error:
        reason = " ".join(str(error).split())
        raise InputError(f"fsqa wandb workspace: W&B does not answer ({reason}); give --entity") from error
    return entity


def _check_key(command: str) -> None:
    from fsqa.logger.wandb_environment import has_key

    if not has_key():
        raise InputError(f"{command}: there is no key for W&B; run wandb login, or set WANDB_API_KEY")
