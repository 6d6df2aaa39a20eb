//! The command line as a user runs it: a real process against a real database.

mod app;
mod bench;
mod check;
mod control;
mod dashboard;
mod dev;
mod doctor;
mod follow;
mod help;
mod inspect;
mod limit;
mod migrate;
mod odd;
mod operate;
mod operations;
mod pause;
mod publish;
mod rights;
mod schedule;
mod secrets;
mod shown;
mod tail;
mod top;
mod unique;
mod worker;
mod workflow;
