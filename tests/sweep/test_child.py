"""The process of one run: what it leaves behind."""

import multiprocessing
import tempfile

from fsqa.sweep import child


def test_temporary_files_go_with_the_run(tmp_path, monkeypatch):
    """Some packages make a folder when they load, and remove it at exit, which such a process does not come to."""
    context = multiprocessing.get_context("fork")
    made = context.SimpleQueue()

    def run(_: child.Task) -> child.Ending:
        made.put(tempfile.mkdtemp("left"))
        return child.Ending(state="done")

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(child, "_ending", run)
    heard, answer = context.Pipe(duplex=False)
    process = context.Process(
        target=child.execute,
        args=(child.Task(config={}, choices={}, overrides=(), environment={}), answer),
    )
    process.start()
    assert heard.recv().state == "done"
    process.join()
    assert made.get().startswith(f"{tmp_path}/fsqa-")
    assert list(tmp_path.iterdir()) == []
