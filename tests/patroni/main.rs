//! Patroni and etcd, as Debian packs them: a cluster that chooses its primary itself, under load.
//!
//! Three nodes of Patroni and one etcd run as the user who runs the server of the tests. What happens to them
//! is printed as the rows of the table in docs/src/reliability.md.

mod cluster;
mod events;
mod load;
mod network;
mod tied;
