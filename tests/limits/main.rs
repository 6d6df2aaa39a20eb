//! Limits: what may be said of them, what the code declares, what claims let start, and workers that keep them.

mod declared;
mod dropped;
mod ends;
mod fair;
mod history;
mod limiter;
mod options;
mod races;
mod random;
mod rates;
mod slots;
mod worker;
