"""Panels: each kind with the settings that all of its kind share.

Owns the JSON of a panel. Every maker asks for a title, a description, a unit and a text for empty, so that no
panel can be made without them.
"""

import look

SOURCE = {"type": "prometheus", "uid": "${datasource}"}


def target(expr, legend="__auto", instant=False, table=False, heatmap=False, exemplar=False, interval=None):
    """A query. Its letter is given when the panel is made."""
    made = {
        "datasource": SOURCE,
        "editorMode": "code",
        "expr": expr,
        "format": "table" if table else "heatmap" if heatmap else "time_series",
        "instant": instant or table,
        "legendFormat": legend,
        "range": not (instant or table),
    }
    if exemplar:
        made["exemplar"] = True
    if interval:
        made["interval"] = interval
    return made


def _panel(kind, title, description, targets, *, unit, empty, w, h=None, thresholds=None, mappings=(), custom=None,
           options=None, overrides=(), color="thresholds", decimals=None, low=None, high=None, links=(),
           transformations=(), max_points=None, interval=None):
    defaults = {
        "color": {"mode": color},
        "mappings": list(mappings),
        "noValue": empty,
        "thresholds": thresholds or look.plain(),
        "unit": unit,
    }
    if custom is not None:
        defaults["custom"] = custom
    if links:
        defaults["links"] = list(links)
    for key, value in (("decimals", decimals), ("min", low), ("max", high)):
        if value is not None:
            defaults[key] = value
    queries = [{"refId": chr(ord("A") + index), **each} for index, each in enumerate(targets)]
    made = {
        "type": kind,
        "title": title,
        "description": description,
        "datasource": SOURCE,
        "targets": queries,
        "fieldConfig": {"defaults": defaults, "overrides": list(overrides)},
        "options": options or {},
        "transformations": list(transformations),
        "transparent": False,
        "gridPos": {"w": w, "h": h or 0},
    }
    if max_points:
        made["maxDataPoints"] = max_points
    if interval:
        made["interval"] = interval
    return made


def stat(title, description, expr, *, unit, empty, w, legend="__auto", name=False, graph=False, **more):
    """A big number; with `name` the legend stands beside it."""
    options = {
        "colorMode": "background_solid" if more.pop("filled", False) else "value",
        "graphMode": "area" if graph else "none",
        "justifyMode": "auto",
        "orientation": "auto",
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        "text": more.pop("text", {}),
        "textMode": "value_and_name" if name else "value",
    }
    exprs = expr if isinstance(expr, list) else [expr]
    targets = [target(each, legend, instant=not graph) for each in exprs]
    return _panel("stat", title, description, targets, unit=unit, empty=empty, w=w, options=options, **more)


def line(title, description, targets, *, unit, empty, w, table=False, stack=False, fill=None, color=None, lines=(),
         soft_max=None, log=False, bars=False, dashed_thresholds=False, calcs=None, **more):
    """Lines over time. `lines` are (regular expression of names, colour, dashed) of series that look the same everywhere."""
    custom = {
        "axisBorderShow": False,
        "drawStyle": "bars" if bars else "line",
        "fillOpacity": fill if fill is not None else (60 if stack or bars else 0),
        "lineInterpolation": "linear",
        "lineWidth": 1 if stack or bars else 2,
        "showPoints": "never",
        "spanNulls": False,
        "stacking": {"group": "A", "mode": "normal" if stack else "none"},
        "thresholdsStyle": {"mode": "dashed" if dashed_thresholds else "off"},
    }
    # The key that the schema of the panel doesn't name is left out, not set to nothing.
    custom.pop("axisBorderShow")
    if soft_max is not None:
        custom["axisSoftMax"] = soft_max
    if log:
        custom["scaleDistribution"] = {"type": "log", "log": 10}
    overrides = [override_line(*each) for each in lines] + list(more.pop("overrides", ()))
    options = {
        "legend": {
            "calcs": calcs if calcs is not None else (["lastNotNull", "max"] if table else []),
            "displayMode": "table" if table else "list",
            "placement": "right" if table == "right" else "bottom",
            "showLegend": True,
            **({"sortBy": "Last *", "sortDesc": True} if table else {}),
        },
        "tooltip": {"mode": "multi", "sort": "desc"},
    }
    return _panel("timeseries", title, description, targets, unit=unit, empty=empty, w=w, custom=custom,
                  options=options, overrides=overrides, color=color or "palette-classic", **more)


def override_line(pattern, color, dashed=False):
    properties = [{"id": "color", "value": {"mode": "fixed", "fixedColor": color}}]
    if dashed:
        properties += [
            {"id": "custom.lineStyle", "value": {"fill": "dash", "dash": [8, 6]}},
            {"id": "custom.lineWidth", "value": 1},
            {"id": "custom.fillOpacity", "value": 0},
            {"id": "custom.stacking", "value": {"group": "bounds", "mode": "none"}},
        ]
    # Without the slashes Grafana takes the expression for one of the whole name.
    return {"matcher": {"id": "byRegexp", "options": f"/{pattern}/"}, "properties": properties}


def timeline(title, description, targets, *, unit, empty, w, mappings=(), text="auto", **more):
    """Bands over time, one row a series."""
    options = {
        "alignValue": "left",
        "legend": {"calcs": [], "displayMode": "list", "placement": "bottom", "showLegend": more.pop("legend", True)},
        "mergeValues": True,
        "rowHeight": 0.85,
        "showValue": text,
        "tooltip": {"mode": "single", "sort": "none"},
    }
    custom = {"fillOpacity": 85, "lineWidth": 0}
    return _panel("state-timeline", title, description, targets, unit=unit, empty=empty, w=w, mappings=mappings,
                  options=options, custom=custom, **more)


def heatmap(title, description, targets, *, unit, empty, w, **more):
    """How many observations fell into each bucket, over time."""
    options = {
        "calculate": False,
        "cellGap": 1,
        "color": {"mode": "scheme", "scheme": "Viridis", "fill": look.SKY, "exponent": 0.5, "scale": "exponential",
                  "steps": 64, "reverse": False},
        "exemplars": {"color": look.PINK},
        "filterValues": {"le": 1e-9},
        "legend": {"show": True},
        "rowsFrame": {"layout": "auto"},
        "showValue": "never",
        "tooltip": {"show": True, "yHistogram": True},
        "yAxis": {"axisPlacement": "left", "reverse": False, "unit": unit},
    }
    return _panel("heatmap", title, description, targets, unit=unit, empty=empty, w=w, options=options,
                  custom={"hideFrom": {"legend": False, "tooltip": False, "viz": False}}, **more)


class Column:
    """A column of a table: what it is called in the query's answer, and how it is shown."""

    def __init__(self, field, name, unit=None, width=None, mappings=(), thresholds=None, cell=None, links=(),
                 decimals=None, low=None, high=None, hidden=False):
        self.field, self.name, self.hidden = field, name, hidden
        self.properties = [{"id": "noValue", "value": "–"}]
        for key, value in (("unit", unit), ("custom.width", width), ("decimals", decimals), ("min", low),
                           ("max", high), ("thresholds", thresholds)):
            if value is not None:
                self.properties.append({"id": key, "value": value})
        if mappings:
            self.properties.append({"id": "mappings", "value": list(mappings)})
            self.properties.append({"id": "custom.align", "value": "left"})
        if links:
            self.properties.append({"id": "links", "value": list(links)})
        if cell:
            self.properties.append({"id": "custom.cellOptions", "value": cell})

    def override(self):
        return {"matcher": {"id": "byName", "options": self.name}, "properties": self.properties}


FILLED = {"type": "color-background", "mode": "basic"}
COLORED = {"type": "color-text"}
BAR = {"type": "gauge", "mode": "basic", "valueDisplayMode": "text"}
# A long address in a column, as one word.
OPEN = {"type": "regex", "options": {"pattern": ".+", "result": {"text": "open", "index": 0}}}


def table(title, description, queries, columns, *, empty, w, sort=None, drop=(), keep=None, **more):
    """Present values side by side: one query a column, merged by the labels that they share."""
    order = {column.field: index for index, column in enumerate(columns)}
    steps = [{"id": "merge", "options": {}}] if len(queries) > 1 else []
    if keep:
        steps.append(keep)
    steps.append({"id": "organize", "options": {
        "excludeByName": {name: True for name in ["Time", "__name__", "job", *(["Value"] if len(queries) > 1 else []), *drop]},
        "indexByName": order,
        "renameByName": {column.field: column.name for column in columns},
    }})
    if sort:
        field, desc = sort
        steps.append({"id": "sortBy", "options": {"fields": {}, "sort": [{"field": field, "desc": desc}]}})
    options = {
        "cellHeight": "sm",
        "footer": {"show": False, "reducer": ["sum"], "countRows": False, "fields": ""},
        "frameIndex": 0,
        "showHeader": True,
        "sortBy": [],
    }
    custom = {"align": "auto", "cellOptions": {"type": "auto"}, "inspect": False, "filterable": False}
    overrides = [column.override() for column in columns]
    return _panel("table", title, description, [target(each, table=True) for each in queries], unit="none",
                  empty=empty, w=w, options=options, custom=custom, overrides=overrides, transformations=steps,
                  **more)
