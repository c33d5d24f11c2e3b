"""Compiled programs on disk: found again without compiling, believed only when intact and one's own."""

import os
import stat
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from whygrad.jit.native import cache
from whygrad.jit.native.cache import Folder, Programs, packed, unpacked

SOURCE = "def program(tid, threads, sync, x):\n    return x[0] + 40\n"
ONE = [((1,), np.int64)]
SCRIPT = f"""
import sys
import numpy as np
from whygrad.jit.native.cache import native
assert native({SOURCE!r}, {[((1,), "int64")]!r}).run([np.array([2])]) == 42
print("whygrad.jit.native.compile" in sys.modules)
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty folder for the cache."""
    monkeypatch.setenv("WHYGRAD_CACHE", str(tmp_path / "kept"))
    return tmp_path / "kept"


def answer(source=SOURCE):
    """The program run in a process-wide cache that has loaded nothing yet."""
    return Programs().native(source, ONE).run([np.array([2])])


def only_file(folder):
    (path,) = folder.iterdir()
    return path


def compilations(monkeypatch):
    """A list that grows with each compilation."""
    from whygrad.jit.native import compile as compiling

    seen, real = [], compiling.compile_source
    monkeypatch.setattr(compiling, "compile_source", lambda *given: seen.append(given) or real(*given))
    return seen


def start():
    return subprocess.Popen([sys.executable, "-c", SCRIPT], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_a_second_start_loads_the_program_without_the_compiler(folder):
    assert answer() == 42
    process = start()
    out, err = process.communicate(timeout=60)
    assert (out, err) == ("False\n", "")


def test_two_processes_that_race_both_get_the_right_program(folder):
    for process in [start(), start()]:
        out, err = process.communicate(timeout=60)
        assert (out.strip() in {"True", "False"}, err) == (True, "")
    assert [path.suffix for path in folder.iterdir()] == [cache.SUFFIX]


def test_a_program_asked_for_twice_is_loaded_once(folder):
    programs = Programs()
    assert programs.native(SOURCE, ONE) is programs.native(SOURCE, [((1,), "int64")])


def test_threads_that_ask_at_once_get_the_same_program(folder):
    programs, found = Programs(), []
    asking = [threading.Thread(target=lambda: found.append(programs.native(SOURCE, ONE))) for _ in range(4)]
    for thread in asking:
        thread.start()
    for thread in asking:
        thread.join()
    assert len(set(map(id, found))) == 1


def test_only_so_many_programs_stay_loaded(folder, monkeypatch):
    monkeypatch.setattr(cache, "PROGRAMS", 1)
    programs = Programs()
    first = programs.native(SOURCE, ONE)
    programs.native(SOURCE + "\n", ONE)
    assert programs.native(SOURCE, ONE) is not first
    assert first.run([np.array([2])]) == 42


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: content[:-10],
        lambda content: content[:200] + bytes([content[200] ^ 1]) + content[201:],
        lambda content: b"something else\n" + content,
        lambda content: content + b"more",
    ],
)
def test_a_damaged_file_is_compiled_anew_and_mended(folder, monkeypatch, damage):
    answer()
    path = only_file(folder)
    whole = path.read_bytes()
    path.write_bytes(damage(whole))
    seen = compilations(monkeypatch)
    assert answer() == 42
    assert len(seen) == 1
    assert answer() == 42
    assert len(seen) == 1


def test_a_file_under_another_programs_name_is_not_believed(folder, monkeypatch):
    answer()
    path = only_file(folder)
    other = SOURCE.replace("40", "50")
    answer(other)
    for written in folder.iterdir():
        written.write_bytes(path.read_bytes())
    seen = compilations(monkeypatch)
    assert answer(other) == 52
    assert len(seen) == 1


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="this platform keeps other access rights")
def test_the_folder_is_private_and_a_file_that_others_may_write_is_not_loaded(folder, monkeypatch):
    answer()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(only_file(folder).stat().st_mode) == 0o600
    only_file(folder).chmod(0o666)
    seen = compilations(monkeypatch)
    assert answer() == 42
    assert len(seen) == 1


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="this platform keeps other access rights")
def test_a_folder_that_others_may_write_is_not_used(folder):
    folder.mkdir()
    folder.chmod(0o777)
    assert answer() == 42
    assert not list(folder.iterdir())


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="this platform keeps other access rights")
def test_a_file_of_another_user_is_not_loaded(folder, monkeypatch):
    answer()
    monkeypatch.setattr(os, "getuid", lambda: 12345)
    seen = compilations(monkeypatch)
    assert answer() == 42
    assert len(seen) == 1


def test_a_place_that_can_not_be_written_is_no_obstacle(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("WHYGRAD_CACHE", str(tmp_path / "file" / "below"))
    assert answer() == 42


def test_a_folder_deleted_meanwhile_is_made_again(folder):
    answer()
    only_file(folder).unlink()
    folder.rmdir()
    assert answer(SOURCE + "\n") == 42
    assert only_file(folder).suffix == cache.SUFFIX


def test_what_was_used_longest_ago_is_removed_first(tmp_path):
    tmp_path.chmod(0o700)
    kept = Folder(tmp_path)
    for age, name in enumerate(["newest", "middle", "oldest"]):
        path = tmp_path / (name + cache.SUFFIX)
        path.write_bytes(bytes(1000))
        os.utime(path, (time.time() - 60 * age,) * 2)
    left = tmp_path / "left.tmp"
    left.write_bytes(b"")
    os.utime(left, (time.time() - 2 * cache.TEMPORARY_AGE,) * 2)
    kept.trim(limit=2000)
    assert sorted(path.stem for path in tmp_path.iterdir()) == ["middle", "newest"]


def test_reading_a_program_counts_as_using_it(folder):
    answer()
    os.utime(only_file(folder), (0, 0))
    answer()
    assert only_file(folder).stat().st_mtime > time.time() - 60


def test_a_file_holds_all_there_is_to_know():
    from whygrad.jit.native.load import ObjectCode

    code = ObjectCode(b"\0\n\xff", "f", ("expf",), (((2, 3), "float32"), ((), "int64")))
    assert unpacked("name", packed("name", code)) == code
    assert unpacked("another", packed("name", code)) is None


def test_what_surrounds_the_code_is_part_of_its_name(folder, monkeypatch):
    before = Programs().surroundings
    assert Programs().surroundings == before
    monkeypatch.setattr(cache.llvmlite, "__version__", "0.0")
    assert Programs().surroundings != before


def test_without_a_chosen_folder_the_users_own_cache_is_used(monkeypatch):
    monkeypatch.delenv("WHYGRAD_CACHE", raising=False)
    assert "whygrad" in str(cache.cache_folder())
