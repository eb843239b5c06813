"""The dashboard as an application."""

from pathlib import Path

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from evaluation.dashboard.site import Readers, Site
from evaluation.guard import page
from evaluation.serving import new_app


def dashboard(root: Path, readers: Readers) -> FastAPI:
    """The application for the runs under `root`, which need not be there yet."""
    app = new_app("Tenfold")
    site = Site(root, readers)
    app.get("/")(site.home)
    app.get("/run/{story}/{run}")(site.run_page)
    app.get("/compare")(site.compare)
    app.get("/api/ready")(site.ready)
    app.get("/static/{name}")(site.static)
    app.get("/web/{name}")(site.shared)
    app.get("/api/news")(site.news)
    app.get("/api/run/{story}/{run}")(site.run)
    app.post("/api/ranking")(site.ranking)
    app.get("/scores.{kind}")(site.all_scores)
    app.post("/scores.{kind}")(site.scores)
    app.get("/thumb/{story}/{run}")(site.thumb)
    app.get("/file/{story}/{run}/{name:path}")(site.file)
    app.add_exception_handler(HTTPException, _missing)
    app.add_exception_handler(ValueError, _refused)
    return app


def _missing(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 404
    words = str(error.detail) if isinstance(error, HTTPException) and status != 404 else NOWHERE
    detail = getattr(error, "detail", "")
    return _told(request, status, "Not here", detail if detail not in {"", "Not Found"} else words)


def _refused(request: Request, error: Exception) -> Response:
    """What was asked cannot be done: our own errors say why and what to do instead."""
    return _told(request, 422, "Not possible", str(error))


NOWHERE = "There is nothing at this address. The list of all runs is at the beginning of it."


def _told(request: Request, status: int, title: str, words: str) -> Response:
    if "text/html" in request.headers.get("accept", ""):
        return Response(page(title, words), status, media_type="text/html")
    return JSONResponse({"detail": words}, status)
