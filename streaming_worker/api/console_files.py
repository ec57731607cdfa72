"""The built console: files from one folder, and its front page for every address that is a screen.

Files under assets/ have their content in their name and are kept for good; the front page is asked for each time.
The build lays a compressed copy beside each text; whoever takes gzip gets that.
"""

import contextlib
import mimetypes
from pathlib import Path
from typing import Final

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send

from streaming_worker.api.problems import error_body

FRONT: Final = "index.html"
_NOT_CONSOLE: Final = ("api", "metrics", "docs", "openapi.json")
_NONE: Final = (
    "<!doctype html><html lang=en><meta charset=utf-8><title>arb-platform</title>"
    "<p>The API runs. The console is not built here: run <code>make console</code> and start again."
)


class ConsoleFiles:
    """Serves the folder; without one it says how to get it."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder if folder is not None and (folder / FRONT).is_file() else None
        self._files = None if self._folder is None else StaticFiles(directory=self._folder)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 4404, "reason": "there is no such stream"})
            return
        response = await self._response(scope)
        await response(scope, receive, send)

    async def _response(self, scope: Scope) -> Response:
        path = scope["path"].strip("/")
        request_id = scope.get("state", {}).get("request_id", "-")
        if path.partition("/")[0] in _NOT_CONSOLE:
            return JSONResponse(error_body("not_found", "there is no such route", request_id), status_code=404)
        if scope["method"] not in ("GET", "HEAD"):
            return JSONResponse(error_body("method_not_allowed", "this is a page", request_id), status_code=405)
        if self._folder is None or self._files is None:
            return Response(_NONE, media_type="text/html; charset=utf-8", headers={"Cache-Control": "no-store"})
        try:
            response = await self._file(path or FRONT, scope)
        except HTTPException:
            if Path(path).suffix:
                return JSONResponse(error_body("not_found", "there is no such file", request_id), status_code=404)
            response = await self._file(FRONT, scope)
        is_kept = path.startswith("assets/") and response.status_code in (200, 304)
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable" if is_kept else "no-cache"
        response.headers["Vary"] = "Accept-Encoding"
        return response

    async def _file(self, path: str, scope: Scope) -> Response:
        """Return one file, compressed where it is so kept and wanted. Raises HTTPException where there is none."""
        files = self._files
        if files is None:
            raise HTTPException(404)
        if "gzip" in Headers(scope=scope).get("accept-encoding", ""):
            with contextlib.suppress(HTTPException):
                packed = await files.get_response(f"{path}.gz", scope)
                packed.headers["Content-Encoding"] = "gzip"
                packed.headers["Content-Type"] = mimetypes.guess_type(path)[0] or "application/octet-stream"
                return packed
        return await files.get_response(path, scope)
