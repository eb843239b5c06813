"""A study's report as one HTML file that opens from disk."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from evaluation.page import data, page, resource
from evaluation.study.report import Report
from evaluation.study.tables import anchor, summary, tables

FILES = "evaluation.study.files"


def report_page(report: Report) -> str:
    """The page: shares and strengths as marks with their intervals, all tables, and what must be known to read them."""
    shown: dict[str, Any] = {
        "name": report.name,
        "lines": summary(report),
        "pairs": [asdict(share) for share in report.pairs],
        "strengths": [asdict(one) for one in report.strengths],
        "tables": [asdict(table) for table in tables(report)],
        "notes": [*report.notes, *(f"Damaged, and left out: {one}" for one in report.damaged), anchor()],
    }
    return page(
        resource(FILES, "report.html"),
        title=f"Study: {report.name}",
        styles=[
            resource("evaluation.web", "tokens.css"),
            resource("evaluation.web", "parts.css"),
            resource(FILES, "report.css"),
        ],
        scripts=[
            resource("evaluation.web", "dom.js"),
            resource("evaluation.web", "theme.js"),
            resource(FILES, "report.js"),
        ],
        parts={"DATA": data("report", shown)},
    )
