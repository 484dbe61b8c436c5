"""The frame of a dashboard: variables, links, annotations, and where panels lie.

Owns what all five have in common.
"""

import query
from panels import SOURCE

TAG = "andon"
# Where andon answers, until somebody says otherwise (`andon dashboards export`, or the box at the top).
ADDRESS = "http://127.0.0.1:9797"
# What a link carries along, so that the next dashboard shows the same andon at the same time.
CARRY = "${datasource:queryparam}&${job:queryparam}&${instance:queryparam}&${__url_time_range}"
SCHEMA = 39


def to_workflow(field="workflow"):
    """A link in a table or a legend to the dashboard of the workflow in that row."""
    value = "${__data.fields.workflow}" if field == "workflow" else "${__field.labels.workflow}"
    return {"title": "Open this workflow", "url": f"/d/andon-workflow/andon-workflow?{CARRY}&var-workflow={value}"}


def why():
    return {"title": "Why it is in this mode (andon)", "targetBlank": True,
            "url": "${base_url:raw}/workflows/${__data.fields.workflow}"}


def runbook():
    return {"title": "Runbook", "targetBlank": True, "url": "${__data.fields.runbook}"}


def _query(name, label, text, **more):
    return {
        "name": name, "label": label, "type": "query", "hide": 0, "skipUrlSync": False, "datasource": SOURCE,
        "query": {"query": text, "refId": f"variable-{name}"}, "refresh": 2, "regex": "", "sort": 1,
        "includeAll": False, "multi": False, "options": [], "current": {}, **more,
    }


ALL = {"selected": True, "text": ["All"], "value": ["$__all"]}


def _several(name, label, text):
    return _query(name, label, text, multi=True, includeAll=True, allValue=".+", current=ALL)


def variables(with_workflow):
    made = [
        {"name": "datasource", "label": "Data source", "type": "datasource", "hide": 0, "skipUrlSync": False,
         "query": "prometheus", "refresh": 1, "regex": "", "includeAll": False, "multi": False, "options": [],
         "current": {}},
        _several("job", "Job", "label_values(andon_build_info, job)"),
        _several("instance", "andon", 'label_values(andon_build_info{job=~"$job"}, instance)'),
    ]
    if with_workflow:
        made.append(_query("workflow", "Workflow", f"label_values({query.m('andon_mode_level')}, workflow)"))
    made.append({
        "name": "base_url", "label": "andon's address", "type": "textbox", "hide": 0, "skipUrlSync": False,
        "description": "Where people reach andon; used in links only.", "query": ADDRESS,
        "current": {"selected": True, "text": ADDRESS, "value": ADDRESS},
        "options": [{"selected": True, "text": ADDRESS, "value": ADDRESS}],
    })
    return made


def _links(own):
    link = {"asDropdown": False, "icon": "external link", "includeVars": True, "keepTime": True, "tags": [],
            "targetBlank": False, "title": "", "tooltip": "", "type": "link", "url": ""}
    return [
        {**link, "type": "dashboards", "tags": [TAG], "title": "andon", "tooltip": "The other dashboards of andon"},
        *own,
        {**link, "title": "Console", "tooltip": "andon itself", "includeVars": False, "keepTime": False,
         "targetBlank": True, "url": "${base_url:raw}/"},
    ]


def own_link(title, tooltip, url):
    return {"asDropdown": False, "icon": "external link", "includeVars": False, "keepTime": False, "tags": [],
            "targetBlank": True, "title": title, "tooltip": tooltip, "type": "link", "url": url}


def annotation(name, expr, title, text, tags, color, use_value=True):
    """Marks on every graph. The key `target` has the expression for Grafana 9 and later, `expr` for what is older."""
    return {
        "name": name, "datasource": SOURCE, "enable": True, "hide": False, "iconColor": color, "expr": expr,
        "titleFormat": title, "textFormat": text, "tagKeys": tags, "useValueForTime": use_value, "step": "60s",
    }


class Board:
    """A dashboard under construction: rows of panels, from the top."""

    def __init__(self, uid, title, description, *, with_workflow=False, links=(), annotations=(), since="now-6h"):
        self.uid, self.title, self.description = uid, title, description
        self.with_workflow, self.links, self.annotations, self.since = with_workflow, links, annotations, since
        self.panels, self.y = [], 0

    def heading(self, title):
        self.panels.append({"type": "row", "title": title, "collapsed": False, "panels": [],
                            "gridPos": {"h": 1, "w": 24, "x": 0, "y": self.y}})
        self.y += 1

    def row(self, height, *panels):
        x = 0
        for panel in panels:
            width = panel["gridPos"]["w"]
            panel["gridPos"] = {"h": height, "w": width, "x": x, "y": self.y}
            x += width
            self.panels.append(panel)
        if x != 24:
            raise ValueError(f"{self.title}: a row of «{panels[0]['title']}» is {x} wide, not 24")
        self.y += height

    def done(self):
        for number, panel in enumerate(self.panels, 1):
            panel["id"] = number
        return {
            "uid": self.uid,
            "title": self.title,
            "description": self.description,
            "tags": [TAG],
            "style": "dark",
            "editable": False,
            "graphTooltip": 1,
            "schemaVersion": SCHEMA,
            "version": 1,
            "timezone": "browser",
            "refresh": "30s",
            "time": {"from": self.since, "to": "now"},
            "timepicker": {"hidden": False, "refresh_intervals": ["10s", "30s", "1m", "5m", "15m", "1h"],
                           "collapse": False, "enable": True, "time_options": []},
            "templating": {"list": variables(self.with_workflow)},
            "annotations": {"list": list(self.annotations)},
            "links": _links(self.links),
            "panels": self.panels,
        }
