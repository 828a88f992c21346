"""Modules are loaded in another thread, and one that cannot be says so only where it is needed."""

import sys
import threading

from virality.workflow.aside import load_aside


def _wait() -> None:
    for thread in threading.enumerate():
        if thread.name.startswith("load-aside"):
            thread.join(30)


def test_a_module_is_loaded_by_another_thread(tmp_path, monkeypatch):
    (tmp_path / "slow_to_load.py").write_text("import threading\nBY = threading.get_ident()\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    load_aside("slow_to_load")
    _wait()
    assert threading.get_ident() != sys.modules.pop("slow_to_load").BY


def test_what_cannot_be_loaded_disturbs_nobody(tmp_path, monkeypatch, capfd):
    (tmp_path / "broken_to_load.py").write_text("raise RuntimeError('broken')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    load_aside("broken_to_load", "no_such_module_anywhere", "colorsys")
    _wait()
    assert "colorsys" in sys.modules
    assert capfd.readouterr() == ("", "")
