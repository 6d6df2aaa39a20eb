//! Limits: what may be said of them, what the code declares, and workers that keep them.

mod declared;
mod dropped;
mod limiter;
mod options;
mod worker;
