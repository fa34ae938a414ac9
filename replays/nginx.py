"""A real nginx as the child of a replay: its own folder, in the foreground, gone when the replay is."""

import asyncio
import grp
import os
import shutil
import signal
from pathlib import Path

from replays.errors import ReplayError
from replays.processes import dying_with_this_process

START_TIMEOUT_SECONDS = 10
STOP_TIMEOUT_SECONDS = 5
# Debian puts nginx where the PATH of an ordinary user does not look.
EXTRA_FOLDERS = ("/usr/sbin", "/usr/local/sbin", "/usr/local/bin", "/opt/homebrew/bin")


def find_nginx() -> str:
    """Path of the nginx binary. Raises ReplayError, saying what to install, when there is none."""
    search_path = os.pathsep.join([os.environ.get("PATH", ""), *EXTRA_FOLDERS])
    found = shutil.which("nginx", path=search_path)
    if found is None:
        raise ReplayError(
            "This replay runs a real nginx and finds none. Install it "
            "(Debian, Ubuntu: sudo apt install nginx-light; macOS: brew install nginx) and try again. "
            "It need not be started as a service."
        )
    return found


class Nginx:
    """One nginx that listens on one address. `http` is what stands inside the `http { }` of its configuration."""

    def __init__(self, folder: Path, listens_on: tuple[str, int]) -> None:
        self.folder = folder
        self.address, self.port = listens_on
        self.process: asyncio.subprocess.Process | None = None

    @property
    def error_log(self) -> Path:
        return self.folder / "error.log"

    async def start(self, http: str) -> None:
        """Return when it accepts connections. Raises ReplayError with the end of its log when it does not."""
        binary = find_nginx()
        self.folder.mkdir(parents=True, exist_ok=True)
        self._write(http)
        self.process = await asyncio.create_subprocess_exec(
            binary, "-p", str(self.folder), "-c", str(self.folder / "nginx.conf"), "-e", str(self.error_log),
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
            preexec_fn=dying_with_this_process(),
        )  # fmt: skip
        try:
            async with asyncio.timeout(START_TIMEOUT_SECONDS):
                while not await self._accepts():
                    if self.process.returncode is not None:
                        raise ReplayError(self.obituary())
                    await asyncio.sleep(0.02)
        except TimeoutError:
            raise ReplayError(f"nginx on {self.address}:{self.port} did not start. {self._last_words()}") from None

    async def reload(self, http: str) -> None:
        """Change the configuration; return when the old worker takes no more connections."""
        assert self.process is not None
        self._write(http)
        log_size = self.error_log.stat().st_size
        self.process.send_signal(signal.SIGHUP)
        try:
            async with asyncio.timeout(START_TIMEOUT_SECONDS):
                while "gracefully shutting down" not in self._log_since(log_size):  # noqa: ASYNC110 - a file, no event
                    await asyncio.sleep(0.02)
        except TimeoutError:
            raise ReplayError(f"nginx on {self.address}:{self.port} did not reload. {self._last_words()}") from None

    async def stop(self) -> None:
        """Stop at once (SIGTERM is nginx's fast shutdown), by SIGKILL if it must be."""
        if self.process is None or self.process.returncode is not None:
            return
        self.process.terminate()
        try:
            async with asyncio.timeout(STOP_TIMEOUT_SECONDS):
                await self.process.wait()
        except TimeoutError:
            self.process.kill()
            await self.process.wait()

    async def ended(self) -> None:
        """Return when nginx is no longer there."""
        assert self.process is not None
        await self.process.wait()

    def obituary(self) -> str:
        code = self.process.returncode if self.process else None
        return f"nginx on {self.address}:{self.port} ended with code {code}. {self._last_words()}"

    async def _accepts(self) -> bool:
        try:
            _, writer = await asyncio.open_connection(self.address, self.port)
        except OSError:
            return False
        writer.close()
        return True

    def _last_words(self) -> str:
        lines = [line for line in self._log_since(0).splitlines() if "[notice]" not in line]
        return f"Its log ends with: {lines[-1]}" if lines else "Its log says nothing."

    def _log_since(self, offset: int) -> str:
        try:
            return self.error_log.read_bytes()[offset:].decode(errors="replace")
        except FileNotFoundError:
            return ""

    def _write(self, http: str) -> None:
        (self.folder / "nginx.conf").write_text(
            f"""\
{_user_directive()}
daemon off;
worker_processes 1;
pid {self.folder}/nginx.pid;
error_log {self.error_log} notice;
events {{ worker_connections 1024; }}
http {{
    access_log {self.folder}/access.log;
    client_body_temp_path {self.folder}/client_body;
    proxy_temp_path {self.folder}/proxy;
    fastcgi_temp_path {self.folder}/fastcgi;
    uwsgi_temp_path {self.folder}/uwsgi;
    scgi_temp_path {self.folder}/scgi;
    server_tokens off;
{http}
}}
"""
        )


def _user_directive() -> str:
    """Started by root, nginx drops to a user who may not enter a private temporary folder: stay."""
    return f"user root {grp.getgrgid(0).gr_name};" if os.geteuid() == 0 else ""
