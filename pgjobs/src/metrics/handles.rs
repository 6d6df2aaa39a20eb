//! Handles of single series; empty without feature `metrics`.

/// A label of a series: its name and its value.
pub(crate) type Label = (&'static str, String);

/// Something that is counted.
pub(crate) struct Counter(#[cfg(feature = "metrics")] ::metrics::Counter);

/// Something that goes up and down: a sum over all workers of the process.
pub(crate) struct Gauge(#[cfg(feature = "metrics")] ::metrics::Gauge);

/// Something whose distribution counts.
pub(crate) struct Histogram(#[cfg(feature = "metrics")] ::metrics::Histogram);

#[cfg(feature = "metrics")]
mod with {
    use std::time::Duration;

    use super::{Counter, Gauge, Histogram, Label};
    use crate::metrics::names::{Kind, Metric};

    fn labels(labels: &[Label]) -> Vec<::metrics::Label> {
        labels.iter().map(|(name, value)| ::metrics::Label::new(*name, value.clone())).collect()
    }

    impl Counter {
        pub(crate) fn new(name: &'static str, of: &[Label]) -> Self {
            Counter(::metrics::counter!(name, labels(of)))
        }

        pub(crate) fn add(&self, number: u64) {
            self.0.increment(number);
        }
    }

    impl Gauge {
        pub(crate) fn new(name: &'static str, of: &[Label]) -> Self {
            Gauge(::metrics::gauge!(name, labels(of)))
        }

        /// Adds what may be less than zero.
        pub(crate) fn add(&self, change: f64) {
            self.0.increment(change);
        }
    }

    impl Histogram {
        pub(crate) fn new(name: &'static str, of: &[Label]) -> Self {
            Histogram(::metrics::histogram!(name, labels(of)))
        }

        pub(crate) fn record(&self, value: f64) {
            self.0.record(value);
        }

        pub(crate) fn took(&self, time: Duration) {
            self.record(time.as_secs_f64());
        }
    }

    pub(crate) fn describe(metric: &Metric) {
        match metric.kind {
            Kind::Counter => ::metrics::describe_counter!(metric.name, metric.text),
            Kind::Gauge => ::metrics::describe_gauge!(metric.name, metric.text),
            Kind::Seconds => {
                ::metrics::describe_histogram!(metric.name, ::metrics::Unit::Seconds, metric.text);
            }
            Kind::Jobs => ::metrics::describe_histogram!(metric.name, ::metrics::Unit::Count, metric.text),
        }
    }
}

#[cfg(feature = "metrics")]
pub(super) use with::describe;

#[cfg(not(feature = "metrics"))]
mod without {
    use std::time::Duration;

    use super::{Counter, Gauge, Histogram, Label};

    impl Counter {
        pub(crate) fn new(_: &'static str, _: &[Label]) -> Self {
            Counter()
        }

        pub(crate) fn add(&self, _: u64) {}
    }

    impl Gauge {
        pub(crate) fn new(_: &'static str, _: &[Label]) -> Self {
            Gauge()
        }

        pub(crate) fn add(&self, _: f64) {}
    }

    impl Histogram {
        pub(crate) fn new(_: &'static str, _: &[Label]) -> Self {
            Histogram()
        }

        pub(crate) fn record(&self, _: f64) {}

        pub(crate) fn took(&self, _: Duration) {}
    }
}
