//! Declaring, publishing and working, end to end.

mod burst;
mod ending;
mod injection;
mod invalid_bodies;
mod keep;
mod late_jobs;
mod layers;
mod limits;
mod log;
mod many;
mod outage;
mod outcomes;
mod pause;
mod poison;
mod progress;
mod publishing;
mod recovery;
mod refused;
mod results;
mod starting;
mod stuck;
mod tasks;
mod unique;
mod upgrade;
mod waiting;
