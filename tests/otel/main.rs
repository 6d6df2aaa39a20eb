//! Traces: what publishers note, and what a collector of OpenTelemetry receives of the runs.

mod collector;
mod noting;
mod runs;
