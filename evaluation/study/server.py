"""The pages of a study and what they ask for: the guard and the listening are `evaluation.serving`'s."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI, HTTPException, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse

from evaluation.guard import HEADERS
from evaluation.page import resource
from evaluation.serving import new_app
from evaluation.study.answers import ConflictError
from evaluation.study.desk import Desk, Given
from zoomlib.errors import InvalidInputError

TITLE = "Two films"
STATIC = {
    "tokens.css": ("evaluation.web", "text/css"),
    "dom.js": ("evaluation.web", "text/javascript"),
    "lockstep.js": ("evaluation.web", "text/javascript"),
    "study.css": ("evaluation.study.files", "text/css"),
    **dict.fromkeys(("post.js", "pair.js", "main.js"), ("evaluation.study.files", "text/javascript")),
}
STRICT = {
    "content-security-policy": HEADERS["content-security-policy"]
    + "; require-trusted-types-for 'script'; trusted-types 'none'"
}
KEPT = {"cache-control": "private, max-age=604800, immutable"}
"""For films: a pair is fetched while the one before it is judged."""


def application(desk: Desk, *, admits: bool) -> FastAPI:
    """The study at `desk`. admits: whether whoever comes gets an id, or only those take part who were invited."""
    app = new_app(TITLE)

    def page() -> Response:
        return Response(resource("evaluation.study.files", "study.html"), media_type="text/html", headers=STRICT)

    def static(name: str) -> Response:
        if name not in STATIC:
            raise HTTPException(404)
        place, kind = STATIC[name]
        return Response(resource(place, name), media_type=kind, headers={"cache-control": "no-cache"})

    def outline() -> dict[str, Any]:
        return {**desk.outline(), "admits": admits}

    def join() -> dict[str, str]:
        if not admits:
            raise HTTPException(403, "This study is by invitation: open the link that you were given.")
        return {"id": desk.people.admit()}

    def state(person: str) -> dict[str, Any]:
        return desk.state(_slot(desk, person))

    def answer(person: str, given: Given) -> Response:
        slot = _slot(desk, person)
        try:
            return JSONResponse(desk.take(slot, given))
        except ConflictError as error:
            return JSONResponse({"detail": str(error), "state": desk.state(slot)}, 409)

    def film(name: str) -> Response:
        if name not in desk.films:
            raise HTTPException(404)
        return FileResponse(desk.films[name], media_type="video/mp4", headers=KEPT)

    def unreadable(_: Any, error: Exception) -> Response:
        print(f"Not answered: {error}", flush=True)
        return JSONResponse(
            {"detail": "Your answers so far cannot be read here. Please tell whoever invited you."}, 503
        )

    def senseless(_: Any, __: Exception) -> Response:
        return JSONResponse({"detail": "This is no answer as the page of this study sends it. Reload the page."}, 422)

    app.add_exception_handler(InvalidInputError, unreadable)
    app.add_exception_handler(RequestValidationError, senseless)
    for path in ("/", "/p/{person}"):
        app.get(path)(page)
    app.get("/static/{name}")(static)
    app.get("/api/study")(outline)
    app.post("/api/people")(join)
    app.get("/api/people/{person}")(state)
    app.post("/api/people/{person}/answers")(answer)
    app.get("/media/{name}")(film)
    return app


def _slot(desk: Desk, person: str) -> int:
    slot = desk.people.slot_of(person)
    if slot is None:
        raise HTTPException(404, "This link is not of this study. Check that it is complete.")
    return slot
