//! A worker over several servers, and publishers that divide keys among them.

mod burst;
mod controlled;
mod draining;
mod following;
mod gathering;
mod hanging;
mod killed;
mod metrics;
mod parts;
mod shards;
mod slots;
mod starting;
mod tasks;
mod web;
