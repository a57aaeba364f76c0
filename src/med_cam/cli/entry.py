"""Where the command `med-cam` begins: before anything else is imported, it can be interrupted."""

import sys

from med_cam.cli.signals import ignore, leave_at_once


def main() -> int:
    """Run the command; return the exit status."""
    leave_at_once()
    from med_cam.cli.main import main as run

    status = run()
    ignore()
    return status


if __name__ == "__main__":
    sys.exit(main())
