//! A worker over several servers, and publishers that divide keys among them.

mod burst;
mod draining;
mod gathering;
mod killed;
mod metrics;
mod parts;
mod shards;
mod slots;
mod starting;
mod tasks;
mod web;
