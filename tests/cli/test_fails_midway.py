"""What goes wrong during a run: one sentence on stderr, and what was finished is kept."""

import errno
import os
import signal
import subprocess
import sys
import time

from cli.corner import results

# -- while it runs --------------------------------------------------------------------------------


def test_an_internal_error_is_reported_and_the_others_are_done(run, scans, model, instant, here):
    instant.fails["scan-1.png"] = RuntimeError("shapes 3 and 4\ndo not fit")
    status, _, err = run(scans, "--model", model)
    assert status == 1
    assert len(err) == 1
    assert "scan-1.png: internal error, RuntimeError: shapes 3 and 4; " in err[0]
    assert "--debug" in err[0]
    assert results(here / "med-cam-out") == ["scan-0", "scan-2"]


def test_an_internal_error_weighs_more_than_a_mistake(run, scans, model, instant):
    instant.fails["scan-1.png"] = RuntimeError("ours")
    (scans / "bad.png").write_bytes(b"")
    status, _, err = run(scans, "--model", model)
    assert status == 1
    assert len(err) == 2


def test_debug_shows_the_traceback(run, scans, model, instant):
    instant.fails["scan-1.png"] = RuntimeError("ours")
    _, _, err = run(scans, "--model", model, "--debug")
    assert "Traceback (most recent call last):" in err
    assert any("conftest.py" in line for line in err)
    assert err[-1].startswith("med-cam: ")


def test_an_internal_error_before_the_images_is_reported_too(run, scans, model, monkeypatch):
    def broken(*_, **__):
        raise ZeroDivisionError

    monkeypatch.setattr("med_cam.cli.classifier.load_classifier", broken)
    status, _, err = run(scans, "--model", model)
    assert status == 1
    assert len(err) == 1
    assert "ZeroDivisionError" in err[0]


def test_no_space_left_leaves_nothing_half_written(run, scans, model, instant, here, monkeypatch):
    def full(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("os.fsync", full)
    status, _, err = run(scans, "--model", model)
    assert status == 2
    assert len(err) == 1
    assert "No space left on device" in err[0]
    assert err[0].endswith("2 more not begun: each would fail so.")
    assert list((here / "med-cam-out").iterdir()) == []
    assert len(instant.calls) == 1


def test_a_full_disk_is_noticed_before_an_image_costs_its_time(
    run, scans, model, instant, monkeypatch
):
    probes = iter([None])  # the first finds room

    class Full:
        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

        def write(self, _):
            if next(probes, "full") == "full":
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        def flush(self):
            pass

    monkeypatch.setattr("tempfile.TemporaryFile", lambda **_: Full())
    status, _, err = run(scans, "--model", model)
    assert status == 2
    assert len(err) == 1
    assert err[0].endswith("2 more not begun: each would fail so.")
    assert instant.calls == []


def test_a_folder_with_other_files_in_it_is_not_replaced(run, scans, model, instant, here):
    kept = here / "med-cam-out" / "scan-1" / "diary.txt"
    kept.parent.mkdir(parents=True)
    kept.write_text("dear diary")
    status, _, err = run(scans, "--model", model)
    assert status == 2
    assert len(err) == 1
    assert "diary.txt" in err[0]
    assert kept.read_text() == "dear diary"
    assert len(instant.calls) == 2


def test_an_interrupted_run_keeps_what_was_finished(run, scans, model, instant, here):
    instant.fails["scan-1.png"] = KeyboardInterrupt()
    status, out, err = run(scans, "--model", model)
    assert status == 130
    assert err == ["med-cam: interrupted; 1 of 3 images finished, results are in med-cam-out."]
    assert results(here / "med-cam-out") == ["scan-0"]
    assert out[-1].startswith("scan-0")


def test_an_interrupted_run_says_once_what_had_failed(run, scans, model, instant, here):
    (scans / "a-bad.png").write_bytes(b"")
    instant.fails["scan-1.png"] = KeyboardInterrupt()
    status, out, err = run(scans, here / "missing.png", "--model", model)
    assert status == 130
    assert [sentence for sentence in err if "a-bad.png is empty" in sentence] == [err[0]]
    assert sum("missing.png" in sentence for sentence in err) == 1
    assert any("interrupted; 1 of 4" in sentence for sentence in err)
    assert len(err) == 3
    assert sum("a-bad" in line for line in out) == 1


def test_a_run_interrupted_early_says_so(run, scans, model, instant, here):
    instant.fails["scan-0.png"] = KeyboardInterrupt()
    status, _, err = run(scans, "--model", model)
    assert status == 130
    assert len(err) == 1
    assert not (here / "med-cam-out").exists()


def test_control_c_ends_the_real_program_in_one_line(scans, model, here):
    code = "import sys; from med_cam.cli.main import main; sys.exit(main(sys.argv[1:]))"
    (here / "long.toml").write_text("[search]\nsteps = 10000\n")
    words = ["explain", str(scans), "--model", str(model), "--config", "long.toml"]
    with subprocess.Popen(
        [sys.executable, "-c", code, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        # A shell's background jobs ignore Ctrl-C, and hand that on.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as program:
        try:
            assert "corner" in program.stdout.readline()
            time.sleep(0.3)
            program.send_signal(signal.SIGINT)
            _, err = program.communicate(timeout=20)
        finally:
            program.kill()  # a failure must not wait for all steps
    assert program.returncode == 130
    assert len(err.splitlines()) == 1
    assert "interrupted" in err
    assert not (here / "med-cam-out").exists()
