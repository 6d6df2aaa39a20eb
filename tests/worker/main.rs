//! Declaring, publishing and working, end to end.

mod burst;
mod ending;
mod injection;
mod keep;
mod layers;
mod limits;
mod line;
mod log;
mod many;
mod outage;
mod outcomes;
mod poison;
mod publishing;
mod recovery;
mod refused;
mod results;
mod starting;
mod stuck;
mod tasks;
mod unfit;
mod upgrade;
mod waiting;
