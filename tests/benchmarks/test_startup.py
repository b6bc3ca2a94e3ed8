from benchmarks import startup


def test_first_steps_are_compared_and_commands_are_not():
    rows = startup.table(
        {"fsqa --help": [(0.1, 0.05), (0.3, 0.05)]},
        {"fsqa, cold": [(9.0, 9.0)], "fsqa, warm": [(6.0, 5.0)], "HF Trainer": [(7.5, 6.0)]},
    )
    assert rows[0] == {"what": "fsqa --help", "wall s": 0.2, "least s": 0.1, "CPU s": 0.05}
    assert [row["x of fsqa, warm"] for row in rows[1:]] == [1.5, 1.0, 1.25]


def test_a_peer_whose_packages_are_missing_is_left_out(capsys, monkeypatch):
    monkeypatch.setattr(startup, "_missing", lambda packages: f"sys.exit({packages == 'trl'})")
    assert set(startup._peers(None)) == {"hf"}
    assert "TRL SFTTrainer is left out" in capsys.readouterr().out


def test_what_peers_run_is_a_program():
    compile(startup.PEER, "peer", "exec")
