import errno

import pytest
import torch

from fsqa.checkpoint import StreamedCheckpoints


def test_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "deeper" / "last.ckpt"
    StreamedCheckpoints().save_checkpoint({"weights": torch.ones(3)}, path)
    assert torch.equal(torch.load(path, weights_only=True)["weights"], torch.ones(3))
    before = path.read_bytes()

    def full(_, draft):
        draft.write_bytes(b"half")
        raise RuntimeError("[enforce fail at inline_container.cc] . PytorchStreamWriter failed writing file data/0")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(OSError, match="PytorchStreamWriter failed") as caught:
        StreamedCheckpoints().save_checkpoint({"weights": torch.zeros(3)}, path)
    assert caught.value.errno == errno.ENOSPC
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == ["last.ckpt"]
