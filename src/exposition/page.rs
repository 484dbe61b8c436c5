//! The text of a scrape under construction: families of samples, in the Prometheus and the OpenMetrics format.
//!
//! Owns the formats. The `prometheus` crate writes no exemplars, and building its families takes 160 ms
//! for 130,000 series where this takes a few: so it keeps the counters of the process, and this writes.
//! Prometheus exposition format 0.0.4, <https://prometheus.io/docs/instrumenting/exposition_formats/>;
//! OpenMetrics 1.0, <https://prometheus.io/docs/specs/om/open_metrics_spec/>.

use super::real;
use crate::catalogue::{CATALOGUE, Kind, Spec};
use crate::monitor::exemplars::Exemplar;
use prometheus::proto::{MetricFamily, MetricType};
use std::fmt::Write as _;

/// In which format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Prometheus text, version 0.0.4.
    Text,
    /// OpenMetrics 1.0, with exemplars.
    OpenMetrics,
}

impl Format {
    /// The one that a client prefers, by its `Accept` header: OpenMetrics where it names it at all, as
    /// Prometheus does.
    pub fn accepted(accept: &str) -> Self {
        let named = accept.split(',').any(|part| {
            let mut words = part.split(';').map(str::trim);
            let is_wanted = words.next().is_some_and(|word| word.eq_ignore_ascii_case("application/openmetrics-text"));
            is_wanted && !words.any(|word| ["q=0", "q=0.0"].contains(&word))
        });
        if named { Self::OpenMetrics } else { Self::Text }
    }

    /// The `Content-Type` of the answer.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// Buckets, sum and count.
#[derive(Debug)]
pub struct Distribution<'a> {
    /// Upper bounds, ascending.
    pub bounds: &'a [f64],
    /// How many fell into each bucket, not cumulative; the last one is above all bounds.
    pub counts: &'a [u64],
    /// The sum of all.
    pub sum: f64,
}

/// Samples by family.
#[derive(Debug)]
pub struct Page {
    format: Format,
    /// In the order of the catalogue.
    families: Vec<String>,
    /// Of the registry, not in the catalogue: as they came.
    others: Vec<MetricFamily>,
}

impl Page {
    /// An empty one.
    pub fn new(format: Format) -> Self {
        Self { format, families: vec![String::new(); CATALOGUE.len()], others: Vec::new() }
    }

    /// Adds a sample, with the values of the labels in the order of the catalogue. Labels without a value
    /// are left out, which means the same.
    pub fn add(&mut self, spec: Spec, labels: &[&str], value: f64) {
        self.add_with(spec, labels, value, None);
    }

    /// The same, with an output that stands for the series.
    pub fn add_with(&mut self, spec: Spec, labels: &[&str], value: f64, exemplar: Option<&Exemplar>) {
        let out = &mut self.families[spec.place];
        sample(out, spec.name, "", pairs(spec, labels), value);
        end(out, self.format, exemplar);
    }

    /// Adds a histogram; `exemplar` gives the output that stands for a bucket.
    pub fn histogram<'e>(
        &mut self,
        spec: Spec,
        labels: &[&str],
        of: &Distribution<'_>,
        exemplar: impl Fn(usize) -> Option<&'e Exemplar>,
    ) {
        let out = &mut self.families[spec.place];
        let mut cumulative = 0;
        let mut bound = String::new();
        for (at, count) in of.counts.iter().enumerate() {
            cumulative += count;
            bound.clear();
            match of.bounds.get(at) {
                Some(le) => number(&mut bound, *le),
                None => bound.push_str("+Inf"),
            }
            let pairs = pairs(spec, labels).chain(std::iter::once(("le", bound.as_str())));
            sample(out, spec.name, "_bucket", pairs, real(cumulative));
            end(out, self.format, exemplar(at));
        }
        for (suffix, value) in [("_sum", of.sum), ("_count", real(cumulative))] {
            sample(out, spec.name, suffix, pairs(spec, labels), value);
            out.push('\n');
        }
    }

    /// Adds what a registry gathered.
    pub fn gathered(&mut self, families: Vec<MetricFamily>) {
        for family in families {
            match CATALOGUE.iter().find(|spec| spec.name == family.name()) {
                Some(spec) => gathered(&mut self.families[spec.place], &family),
                None => self.others.push(family),
            }
        }
    }

    /// The whole text: families with samples, each with its help and type.
    pub fn finish(self) -> String {
        let length = self.families.iter().map(String::len).sum::<usize>();
        let mut text = String::with_capacity(length + CATALOGUE.len() * 256);
        for (spec, samples) in CATALOGUE.iter().zip(&self.families) {
            if !samples.is_empty() {
                head(&mut text, self.format, spec.name, spec.kind, spec.help.trim());
                text.push_str(samples);
            }
        }
        for family in &self.others {
            let kind = if family.get_field_type() == MetricType::COUNTER { Kind::Counter } else { Kind::Gauge };
            head(&mut text, self.format, family.name(), kind, family.help());
            gathered(&mut text, family);
        }
        if self.format == Format::OpenMetrics {
            text.push_str("# EOF\n");
        }
        text
    }
}

fn head(text: &mut String, format: Format, name: &str, kind: Kind, help: &str) {
    // A counter's family has no suffix in OpenMetrics, its samples have.
    let family = match format {
        Format::OpenMetrics if kind == Kind::Counter => name.strip_suffix("_total").unwrap_or(name),
        _ => name,
    };
    let kind = match kind {
        Kind::Counter => "counter",
        Kind::Gauge => "gauge",
        Kind::Histogram => "histogram",
    };
    let parts = ["# HELP ", family, " ", help.trim(), "\n# TYPE ", family, " ", kind, "\n"];
    parts.iter().for_each(|part| text.push_str(part));
}

fn pairs<'a>(spec: Spec, labels: &'a [&'a str]) -> impl Iterator<Item = (&'a str, &'a str)> {
    spec.labels.iter().copied().zip(labels.iter().copied())
}

fn sample<'a>(
    out: &mut String,
    name: &str,
    suffix: &str,
    labels: impl Iterator<Item = (&'a str, &'a str)>,
    value: f64,
) {
    out.push_str(name);
    out.push_str(suffix);
    let mut open = '{';
    for (name, value) in labels.filter(|(_, value)| !value.is_empty()) {
        out.push(open);
        out.push_str(name);
        out.push_str("=\"");
        escape(out, value);
        out.push('"');
        open = ',';
    }
    if open == ',' {
        out.push('}');
    }
    out.push(' ');
    number(out, value);
}

fn end(out: &mut String, format: Format, exemplar: Option<&Exemplar>) {
    if let Some(exemplar) = exemplar.filter(|_| format == Format::OpenMetrics) {
        out.push_str(" # {trace_id=\"");
        escape(out, &exemplar.trace_id);
        out.push_str("\"} ");
        number(out, exemplar.value);
        out.push(' ');
        number(out, exemplar.at.seconds());
    }
    out.push('\n');
}

fn escape(out: &mut String, value: &str) {
    if !value.bytes().any(|byte| matches!(byte, b'\\' | b'"' | b'\n')) {
        out.push_str(value);
        return;
    }
    for c in value.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '"' => out.push_str("\\\""),
            '\n' => out.push_str("\\n"),
            c => out.push(c),
        }
    }
}

/// A value, as short as it reads back the same; whole numbers without a point.
fn number(out: &mut String, value: f64) {
    #[expect(clippy::cast_possible_truncation, reason = "whole and below 1e15")]
    let written = if value.fract() == 0.0 && value.abs() < 1e15 {
        write!(out, "{}", value as i64)
    } else {
        write!(out, "{value}")
    };
    // Writing into a string can't fail.
    written.unwrap_or_default();
}

/// Writes the samples of a family of the registry.
fn gathered(out: &mut String, family: &MetricFamily) {
    for metric in family.get_metric() {
        let pairs: Vec<(&str, &str)> = metric.get_label().iter().map(|pair| (pair.name(), pair.value())).collect();
        let mut line = |suffix: &str, le: &str, value: f64| {
            let le = Some(("le", le)).filter(|(_, le)| !le.is_empty());
            sample(out, family.name(), suffix, pairs.iter().copied().chain(le), value);
            out.push('\n');
        };
        match family.get_field_type() {
            MetricType::COUNTER => line("", "", metric.get_counter().get_value()),
            MetricType::HISTOGRAM => {
                let histogram = metric.get_histogram();
                for bucket in histogram.get_bucket() {
                    let mut bound = String::new();
                    number(&mut bound, bucket.upper_bound());
                    line("_bucket", &bound, real(bucket.cumulative_count()));
                }
                line("_bucket", "+Inf", real(histogram.get_sample_count()));
                line("_sum", "", histogram.get_sample_sum());
                line("_count", "", real(histogram.get_sample_count()));
            }
            _ => line("", "", metric.get_gauge().get_value()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue;
    use crate::domain::Time;

    #[test]
    fn the_two_formats() {
        let exemplar = Exemplar { trace_id: "4bf9\"2f".into(), value: 0.25, at: Time(1_500) };
        let write = |format| {
            let mut page = Page::new(format);
            page.add(catalogue::OUTPUTS, &["a\\b\n\"c\"", "ok"], 12.0);
            page.add(catalogue::INCIDENTS_OPEN, &[""], 1.0);
            let of = Distribution { bounds: &[0.5, 1.5], counts: &[1, 0, 2], sum: 7.25 };
            page.histogram(catalogue::LATENCY, &["wf"], &of, |at| (at == 0).then_some(&exemplar));
            page.finish()
        };
        let text = write(Format::Text);
        assert!(text.contains("# TYPE andon_outputs_total counter\nandon_outputs_total{workflow=\"a\\\\b\\n\\\"c\\\"\",outcome=\"ok\"} 12\n"));
        assert!(text.contains("\nandon_incidents_open 1\n"));
        assert!(
            text.contains("_bucket{workflow=\"wf\",le=\"0.5\"} 1\n") && text.contains("le=\"+Inf\"} 3\n"),
            "{text}"
        );
        assert!(text.contains("_sum{workflow=\"wf\"} 7.25\nandon_output_latency_seconds_count{workflow=\"wf\"} 3\n"));
        let open = write(Format::OpenMetrics);
        assert!(open.contains("# TYPE andon_outputs counter\nandon_outputs_total{"));
        assert!(open.contains("le=\"0.5\"} 1 # {trace_id=\"4bf9\\\"2f\"} 0.25 1.5\n"), "{open}");
        assert!(open.ends_with("# EOF\n") && !text.contains("EOF"));
    }

    #[test]
    fn who_gets_openmetrics() {
        let prometheus = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
        assert_eq!(Format::accepted(prometheus), Format::OpenMetrics);
        for plain in ["", "*/*", "text/plain;version=0.0.4", "application/openmetrics-text;q=0, text/plain"] {
            assert_eq!(Format::accepted(plain), Format::Text, "{plain}");
        }
    }

    #[test]
    fn numbers_read_back() {
        for value in [0.0, -1.0, 0.1, 1.0 / 3.0, 1e15, 123_456_789.0, 1e300, 5e-324] {
            let mut text = String::new();
            number(&mut text, value);
            assert_eq!(text.parse::<f64>().unwrap().to_bits(), value.to_bits(), "{text}");
        }
    }
}
