"""Alarms of River's detectors with their defaults; runs where River is installed.

Reads lines of JSON, `{"values": [...], "learn": n}`, and writes for each a line with the indices of
the alarms. All detectors begin anew by themselves after an alarm. PageHinkley's threshold is in the
unit of the values, so it is also run on values standardised by the first n: what andon learns from.
"""

import json
import statistics
import sys

from river import drift


def alarms(detector, values):
    found = []
    for i, value in enumerate(values):
        detector.update(value)
        if detector.drift_detected:
            found.append(i)
    return found


def standardised(values, learn):
    first = values[:learn]
    mean, sd = statistics.fmean(first), statistics.pstdev(first)
    return [(value - mean) / (sd or 1.0) for value in values]


def main():
    for line in sys.stdin:
        given = json.loads(line)
        values = given["values"]
        found = {
            "ADWIN": alarms(drift.ADWIN(), values),
            "PageHinkley": alarms(drift.PageHinkley(), values),
            "PageHinkley, standardised": alarms(drift.PageHinkley(), standardised(values, given["learn"])),
        }
        print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
