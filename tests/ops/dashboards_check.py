"""Every query of a dashboard, evaluated through a real Prometheus as Grafana would.

Owns what is wrong with a dashboard on live data: a query that fails, finds nothing or NaN; a variable without
values; a legend, column, link or sorting that names what is not there; a value without a word. It also owns the
controls: dashboards that are broken on purpose, of which each must be reported.
"""

import copy
import json
import re
import time
import urllib.error
import urllib.parse
import urllib.request

# Panels, or single queries of them, that may be empty on the fleet's data: (uid, title or (title, letter)): why.
# Every other query must find something. An entry that names no panel is reported, too.
MAY_BE_EMPTY = {
    ("andon-fleet", "Close to a breach"): "the fleet holds its guards below 0.8, but not always",
    ("andon-drift", "On the move"): "a signal may be still, or beyond its tolerance",
    ("andon-governance", "Audits overdue"): "the shortest period between audits is a day",
    ("andon-governance", "Reviews overdue"): "a verdict is overdue after 15 minutes in the fleet",
    ("andon-self", "Turned away"): "the queue of a healthy andon isn't full",
    ("andon-self", ("Turned away at the door", "B")): "as above",
    ("andon-self", ("Notifications", "B")): "the fleet sends no mail",
    ("andon-self", ("Notifications", "C")): "no Alertmanager reports to the fleet",
    ("andon-workflow", ("What is next", "C")): "nobody is promoted, so nobody is on probation",
}

UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
POINTS = 600
SCRAPE = 1.0


def seconds(text):
    return sum(float(number) * UNITS[unit] for number, unit in re.findall(r"(\d+)(ms|s|m|h|d|w)", text))


class Prometheus:
    def __init__(self, url):
        self.url = url

    def ask(self, path, **parameters):
        data = urllib.parse.urlencode(parameters, doseq=True)
        try:
            with urllib.request.urlopen(f"{self.url}{path}?{data}", timeout=20) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            return json.load(error)

    def instant(self, query, at):
        return self.ask("/api/v1/query", query=query, time=at)

    def range(self, query, start, end, step):
        return self.ask("/api/v1/query_range", query=query, start=start, end=end, step=step)

    def values(self, label, selector, start, end):
        match = {"match[]": selector} if selector else {}
        return self.ask(f"/api/v1/label/{label}/values", start=start, end=end, **match).get("data") or []


class Run:
    """One dashboard, over one time, with one workflow chosen."""

    def __init__(self, prometheus, board, start, end, workflow=None):
        self.prometheus, self.board, self.start, self.end = prometheus, board, start, end
        self.variables, self.problems, self.found = {}, [], {}
        for variable in board["templating"]["list"]:
            self.variable(variable, workflow)

    # ---- variables

    def variable(self, variable, workflow):
        name, kind = variable["name"], variable["type"]
        if kind == "datasource":
            self.variables[name] = "prometheus"
        elif kind == "query":
            text = variable["query"]["query"]
            match = re.fullmatch(r"label_values\((?:(.+),\s*)?(\w+)\)", text)
            if not match:
                return self.problem(f"variable {name}: a query that this check doesn't know: {text}")
            try:
                selector = self.fill(match[1]) if match[1] else None
            except KeyError as error:
                return self.problem(f"variable {name}: unknown variable {error}")
            values = self.prometheus.values(match[2], selector, self.start, self.end)
            if not values:
                self.problem(f"variable {name}: no values for {text}")
            one = workflow if name == "workflow" and workflow else (values or [""])[0]
            self.variables[name] = variable.get("allValue") if variable.get("includeAll") else re.escape(one).replace("\\-", "-")
        else:
            self.variables[name] = variable["current"]["value"]

    def fill(self, text, step=15.0):
        span = self.end - self.start
        interval = max(step + SCRAPE, 4 * SCRAPE)
        known = {"__rate_interval": f"{int(interval * 1000)}ms", "__interval": f"{int(step * 1000)}ms",
                 "__range": f"{int(span)}s", **self.variables}

        def value(match):
            return known[(match[1] or match[2]).partition(":")[0]]

        return re.sub(r"\$([A-Za-z_]\w*)|\$\{([^}]+)\}", value, text)

    # ---- what is found

    def problem(self, text):
        self.problems.append(text)

    def check(self):
        for panel in self.board["panels"]:
            if panel["type"] != "row":
                self.panel(panel)
        for each in self.board["annotations"]["list"]:
            self.annotation(each)
        return self

    def query(self, who, target, step):
        try:
            expr = self.fill(target["expr"], step)
        except KeyError as error:
            self.problem(f"{who}: unknown variable {error}")
            return None
        if target.get("instant"):
            answer = self.prometheus.instant(expr, self.end)
        else:
            # From the end backwards, so that the last point is that of the end, however long the step is.
            first = self.end - step * int((self.end - self.start) / step)
            answer = self.prometheus.range(expr, first, self.end, step)
        if answer["status"] != "success":
            self.problem(f"{who}: {answer.get('error')}: {expr}")
            return None
        series = answer["data"]["result"]
        values = [float(value) for each in series for _, value in (each.get("values") or [each["value"]])]
        if any(value != value for value in values):
            self.problem(f"{who}: NaN: {expr}")
        for label in re.findall(r"\{\{\s*(\w+)\s*\}\}", target.get("legendFormat", "")):
            if any(label not in each["metric"] for each in series):
                self.problem(f"{who}: the legend's label `{label}` is missing")
        return series, values, expr

    def panel(self, panel):
        who = f"«{panel['title']}»"
        step = max((self.end - self.start) / panel.get("maxDataPoints", POINTS), SCRAPE, seconds(panel.get("interval", "")))
        columns = set()
        for target in panel["targets"]:
            asked = self.query(f"{who} {target['refId']}", target, step)
            if asked is None:
                continue
            series, values, expr = asked
            key = (panel["title"], target["refId"])
            self.found[key] = max(self.found.get(key, 0), len(values))
            self.unmapped(panel, f"{who} {target['refId']}", target, values)
            if target["format"] == "table" and series:
                name = "Value" if len(panel["targets"]) == 1 else f"Value #{target['refId']}"
                columns |= {name} | {label for each in series for label in each["metric"]}
        if panel["type"] == "table" and columns:
            self.columns(panel, who, columns)

    def unmapped(self, panel, who, target, values):
        """Numbers that stand for words must all have one."""
        mappings = panel["fieldConfig"]["defaults"]["mappings"]
        if not mappings or panel["type"] not in ("state-timeline", "stat"):
            return
        known = {key for each in mappings for key in each["options"]}
        for value in {f"{value:g}" for value in values} - known:
            self.problem(f"{who}: the value {value} has no word")

    def columns(self, panel, who, present):
        organize = next(each["options"] for each in panel["transformations"] if each["id"] == "organize")
        renamed = organize["renameByName"]
        empty = {f"Value #{letter}" for title, letter in self.found
                 if title == panel["title"] and not self.found[title, letter]}
        for field, name in renamed.items():
            if field not in present and field not in empty:
                self.found.setdefault((panel["title"], f"column {name}"), 0)
            else:
                self.found[panel["title"], f"column {name}"] = 1
        shown = {renamed.get(field, field) for field in present} - set(organize["excludeByName"])
        for each in panel["transformations"]:
            if each["id"] == "sortBy" and each["options"]["sort"][0]["field"] not in renamed.values():
                self.problem(f"{who}: sorted by `{each['options']['sort'][0]['field']}`, which is no column")
        for field in present - set(renamed) - set(organize["excludeByName"]) - {"__name__", "job", "instance"}:
            self.problem(f"{who}: the column `{field}` has no name and is not left out")
        for override in panel["fieldConfig"]["overrides"]:
            for property_ in override["properties"]:
                if property_["id"] == "links":
                    for link in property_["value"]:
                        for name in re.findall(r"__data\.fields\.(\w+)", link["url"]):
                            if name not in shown and name not in renamed.values():
                                self.problem(f"{who}: a link needs the column `{name}`")

    def annotation(self, annotation):
        who = f"annotation «{annotation['name']}»"
        target = {"expr": annotation["expr"], "legendFormat": annotation["titleFormat"] + annotation["textFormat"]}
        asked = self.query(who, target, max(seconds(annotation["step"]), (self.end - self.start) / POINTS))
        if asked is not None:
            self.found[annotation["name"], "annotation"] = len(asked[1])
            if any(value < 1e12 for value in asked[1]):
                self.problem(f"{who}: a time that is not in milliseconds")


def check(prometheus, board, start, end, workflows=(None,), may_be_empty=MAY_BE_EMPTY):
    """All problems of a dashboard. Where a workflow is chosen, a query must find something for one of them."""
    runs = [Run(prometheus, board, start, end, workflow).check() for workflow in workflows]
    # The time that the dashboard opens with: a query may be wrong there only.
    span = seconds(board["time"]["from"].removeprefix("now-"))
    runs.append(Run(prometheus, board, end - span, end, workflows[0]).check())
    problems = list(dict.fromkeys(problem for run in runs for problem in run.problems))
    found = {}
    for run in runs:
        for key, count in run.found.items():
            found[key] = max(found.get(key, 0), count)
    uid = board["uid"]
    allowed = {key[1] for key in may_be_empty if key[0] == uid}
    for (title, letter), count in found.items():
        if not count and title not in allowed and (title, letter) not in allowed:
            problems.append(f"«{title}» {letter}: no data")
    titles = {title for title, _ in found}
    for name in allowed:
        if (name if isinstance(name, str) else name[0]) not in titles or (isinstance(name, tuple) and name not in found):
            problems.append(f"{name} may be empty, but there is no such panel")
    return problems, sum(1 for count in found.values() if count)


# ---- the controls

def panel_of(board, kind, number=0):
    return [each for each in board["panels"] if each["type"] == kind][number]


def breaks(board):
    """Dashboards that are broken on purpose: what was done, the dashboard, and what must be said."""
    def broken(what, said, change):
        copied = copy.deepcopy(board)
        change(copied)
        return what, copied, said

    def target(made, kind="timeseries"):
        return panel_of(made, kind)["targets"][0]

    def set_expr(change, kind="timeseries"):
        def act(made):
            chosen = target(made, kind)
            before = chosen["expr"]
            chosen["expr"] = change(before)
            assert chosen["expr"] != before
        return act

    def rename(made):
        options = next(each for each in panel_of(made, "table")["transformations"] if each["id"] == "organize")["options"]
        options["renameByName"]["Value #Z"] = "trouble"

    def sort(made):
        next(each for each in panel_of(made, "table")["transformations"]
             if each["id"] == "sortBy")["options"]["sort"][0]["field"] = "worst"

    def unmap(made):
        panel_of(made, "state-timeline")["fieldConfig"]["defaults"]["mappings"][0]["options"].pop("3")

    def variable(made):
        made["templating"]["list"][1]["query"]["query"] = "label_values(andon_build_inof, job)"

    def link(made):
        for override in panel_of(made, "table")["fieldConfig"]["overrides"]:
            for each in override["properties"]:
                if each["id"] == "links":
                    each["value"][0]["url"] = "/d/x?var-workflow=${__data.fields.workflows}"

    return [
        broken("a typing error in the name of a metric", "no data", set_expr(lambda e: e.replace("andon_", "andn_"))),
        broken("a label that the metric doesn't have", "no data",
               set_expr(lambda e: e.replace("{job=", '{worklow="x", job='))),
        broken("a label in the legend that is not there", "legend's label",
               lambda made: target(made).update(legendFormat="{{worklfow}}")),
        broken("an unknown variable", "unknown variable", set_expr(lambda e: e.replace("$job", "$jbo"))),
        broken("a variable without values", "no values", variable),
        broken("a division that gives NaN", "NaN", set_expr(lambda e: f"0 * ({e}) / 0")),
        broken("an expression that doesn't parse", "parse error", set_expr(lambda e: e + " by (")),
        broken("a join that matches more than once", "many-to-many",
               set_expr(lambda e: 'andon_mode{job=~"$job"} * on (job) andon_mode{job=~"$job"}')),
        broken("a column that no query gives", "column trouble: no data", rename),
        broken("a sorting by what is no column", "is no column", sort),
        broken("a value without a word", "has no word", unmap),
        broken("a link that needs a column that is not there", "a link needs", link),
    ]


def controls(prometheus, board, start, end, workflows=(None,)):
    """Which breaks were not noticed."""
    sound, _ = check(prometheus, board, start, end, workflows)
    missed = []
    for what, broken, said in breaks(board):
        problems, _ = check(prometheus, broken, start, end, workflows)
        news = [each for each in problems if each not in sound]
        if not any(said in each for each in news):
            missed.append(f"{what}: nothing with «{said}» in {news}")
    return missed


def now():
    return time.time()
