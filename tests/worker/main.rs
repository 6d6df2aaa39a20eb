//! Declaring, publishing and working, end to end.

mod burst;
mod ending;
mod injection;
mod keep;
mod limits;
mod line;
mod outage;
mod outcomes;
mod publishing;
mod recovery;
mod results;
mod tasks;
mod unfit;
mod upgrade;
mod waiting;
