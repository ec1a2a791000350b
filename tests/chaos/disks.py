"""Small disks for broker and store, which can be filled: `with Disks(folder) as disks`.

They are file systems in memory, so only who may mount one has them (root, on Linux); `disks.there` tells.
"""

import errno
import os
import subprocess

SIZE_MB = 1_500
CHUNK = bytes(1 << 20)
PARTS = ("kafka", "clickhouse")


class Disks:
    """One for each part below the stack's folder."""

    def __init__(self, folder, *, wanted=True):
        self._folder = folder
        self._wanted = PARTS if wanted else ()
        self._mounted = []

    def __enter__(self):
        for name in self._wanted:
            at = self._folder / name
            at.mkdir(parents=True)
            command = ("mount", "-t", "tmpfs", "-o", f"size={SIZE_MB}m", "pulsewire-chaos", str(at))
            if os.getuid() or subprocess.run(command, capture_output=True, check=False).returncode:
                break
            self._mounted.append(at)
        return self

    def __exit__(self, *_):
        for at in self._mounted:
            subprocess.run(("umount", "--lazy", str(at)), check=False)

    @property
    def there(self):
        return len(self._mounted) == len(PARTS)

    def fill(self, name):
        """Nothing more can be written to this part's disk."""
        with (self._folder / name / "filler").open("ab", buffering=0) as filler:
            try:
                while True:
                    filler.write(CHUNK)
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise

    def free(self, name):
        """It can again."""
        (self._folder / name / "filler").unlink()
