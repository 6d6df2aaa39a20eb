//! Steps, durable sleeps and signals: what is recorded under kills, in races, and after the end of a job.

mod deploy;
mod ends;
mod kills;
mod races;
mod rights;
mod sql;
mod support;
mod worker;
