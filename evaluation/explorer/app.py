"""The explorer as an application: its page, and the tiles that the page asks for."""

from __future__ import annotations

import asyncio
import io
import time
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.responses import JSONResponse
from PIL import Image
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException as AnyHTTPException

from evaluation.explorer.pyramid import LEVELS, Tile, View
from evaluation.explorer.studio import Studio
from evaluation.guard import HEADERS
from evaluation.page import resource
from evaluation.serving import new_app
from zoomlib.images import to_uint8

OWN, WEB = "evaluation.explorer.files", "evaluation.web"
SCRIPTS = ("numbers", "camera", "tiles", "drawing", "gestures", "frame", "strip", "place", "main")
STATIC = {
    "tokens.css": (WEB, "text/css"),
    "dom.js": (WEB, "text/javascript"),
    "theme.js": (WEB, "text/javascript"),
    "style.css": (OWN, "text/css"),
    **{f"{name}.js": (OWN, "text/javascript") for name in SCRIPTS},
}
"""Files that are served under /static/, with the package that they lie in."""
STRICT = {
    "content-security-policy": HEADERS["content-security-policy"]
    + "; require-trusted-types-for 'script'; trusted-types 'none'"
}
MOST_SEED = 2**64 - 1
LOOK_EVERY_S = 0.02
PIECE_S = 1.0
"""After so long a tile that is not whole is shown as far as it is: shorter than a stopped server waits for answers."""


@dataclass(frozen=True)
class Start:
    """Where a page begins whose address names no place. y, x: the pixel in the middle."""

    seed: int = 0
    y: int = 0
    x: int = 0


def explorer(studio: Studio, start: Start | None = None) -> FastAPI:
    """The application over a studio, which must be open."""
    app, begin = new_app("Tenfold"), start or Start()

    def page() -> Response:
        return Response(resource(OWN, "explorer.html"), media_type="text/html", headers=STRICT)

    def static(name: str) -> Response:
        if name not in STATIC:
            raise HTTPException(404, "There is nothing at this address.")
        place, kind = STATIC[name]
        return Response(resource(place, name), media_type=kind, headers={"cache-control": "no-cache"})

    def planes() -> dict[str, Any]:
        models = [{**asdict(model), "most": str(model.most)} for model in studio.source.models]
        return {"models": models, "levels": LEVELS, "start": {name: str(n) for name, n in asdict(begin).items()}}

    async def tile(
        request: Request,
        model: int,
        seed: int,
        level: int,
        row: int,
        column: int,
        view: int = 0,
        turn: int = 0,
        painted: int = 0,
    ) -> Response:
        _check_asker(request)
        wanted = _checked(studio, Tile(model, seed, level, row, column))
        with studio.wished(wanted, view, turn) as wish:
            end = time.monotonic() + PIECE_S
            while (pixels := studio.whole(wanted)) is None and time.monotonic() < end:
                if wish.error is not None:
                    raise wish.error
                if await request.is_disconnected():
                    return Response(status_code=204)
                await asyncio.sleep(LOOK_EVERY_S)
            return await run_in_threadpool(_answer, studio, wanted, pixels, painted)

    app.get("/")(page)
    app.get("/static/{name}")(static)
    app.get("/api/planes")(planes)
    app.get("/tile/{model}/{seed}/{level}/{row}/{column}")(tile)
    app.add_exception_handler(AnyHTTPException, _said)
    app.add_exception_handler(ValueError, _refused)
    return app


def _check_asker(request: Request) -> None:
    """Painting is for the page alone: another one, open in the same browser, could keep the machine busy. Raises
    HTTPException."""
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise HTTPException(403, "Another page has asked for this tile. Open the explorer itself.")


def _checked(studio: Studio, tile: Tile) -> Tile:
    """The tile itself. Raises HTTPException for one that there cannot be."""
    models = studio.source.models
    if not (0 <= tile.model < len(models) and 0 <= tile.seed <= MOST_SEED and 0 <= tile.level <= LEVELS):
        raise HTTPException(404, "There is no such plane here, or no such level of it. Reload the page.")
    most = models[tile.model].most >> tile.level
    if not (-most <= tile.row < most and -most <= tile.column < most):
        raise HTTPException(404, "There the plane has ended: places are whole numbers of 64 bits.")
    return tile


def _answer(studio: Studio, tile: Tile, pixels: torch.Tensor | None, known: int) -> Response:
    """A tile, or what there is of it, unless no more of it is there than the `known` parts."""
    if pixels is not None:
        return _png(to_uint8(pixels), tile.area, tile)
    view = studio.seen(tile)
    if view.painted <= known:
        return Response(status_code=204)
    return _png(_with_holes(view), view.painted, tile)


def _with_holes(view: View) -> np.ndarray:
    """(S, S, 4): transparent where nothing is there yet."""
    alpha = view.there.numpy().astype(np.uint8)[..., None] * np.uint8(255)
    return np.concatenate((to_uint8(view.pixels) * (alpha > 0), alpha), 2)


def _png(picture: np.ndarray, painted: int, tile: Tile) -> Response:
    out = io.BytesIO()
    Image.fromarray(picture).save(out, "PNG", compress_level=1)  # it travels within this machine, mostly
    headers = {"x-painted": str(painted), "x-tiles": str(tile.area)}
    return Response(out.getvalue(), media_type="image/png", headers=headers)


def _said(_: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, AnyHTTPException) else 404
    return JSONResponse({"detail": str(getattr(error, "detail", "")) or "There is nothing here."}, status)


def _refused(_: Request, error: Exception) -> Response:
    """What was asked cannot be done: our own errors say why and what to do instead."""
    return JSONResponse({"detail": str(error)}, 422)
