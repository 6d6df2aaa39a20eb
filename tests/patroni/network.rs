//! Where the nodes are: on loopback, each at an address of its own; or each in a network of its own, behind a
//! bridge.

use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

/// The number of etcd's machine; those of the nodes follow.
pub(crate) const ETCD: usize = 10;
pub(crate) const NODES: [usize; 3] = [11, 12, 13];
/// An address that no machine has: what is sent there is lost without an answer.
const NOBODY: &str = "02:00:00:00:00:01";

pub(crate) enum Network {
    Loopback { third: u32 },
    Namespaces { id: u32 },
}

impl Network {
    /// Addresses of 127.0.0.0/8, which need nobody's permission.
    pub(crate) fn loopback() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        Network::Loopback { third: NEXT.fetch_add(1, Ordering::Relaxed) }
    }

    /// A namespace for each machine.
    ///
    /// # Panics
    /// Without the right to make them.
    pub(crate) fn namespaces() -> Self {
        let id = std::process::id();
        let network = Network::Namespaces { id };
        let bridge = network.bridge();
        assert!(
            ip(&format!("link add {bridge} type bridge")),
            "a partition needs networks of its own, which `ip netns` makes for root alone: run this test as root, with the \
             package iproute2, or leave it out by `--skip partition`"
        );
        must(&format!("addr add {}/24 dev {bridge}", network.address(1)));
        must(&format!("link set {bridge} up"));
        for machine in std::iter::once(ETCD).chain(NODES) {
            network.add(machine);
        }
        network
    }

    fn add(&self, machine: usize) {
        let (space, bridge, port) =
            (self.space(machine), self.bridge(), format!("{}v{machine}", self.bridge()));
        must(&format!("netns add {space}"));
        must(&format!("link add {port} type veth peer name eth0 netns {space}"));
        must(&format!("link set {port} master {bridge} up"));
        must(&format!("-n {space} addr add {}/24 dev eth0", self.address(machine)));
        must(&format!("-n {space} link set eth0 up"));
        must(&format!("-n {space} link set lo up"));
    }

    pub(crate) fn address(&self, machine: usize) -> String {
        match self {
            Network::Loopback { third } => format!("127.{}.{third}.{machine}", 20 + std::process::id() % 200),
            Network::Namespaces { id } => format!("10.{}.{}.{machine}", 200 + id % 50, id / 50 % 250),
        }
    }

    /// What comes before a command that is to run on this machine.
    pub(crate) fn prefix(&self, machine: usize) -> Vec<String> {
        match self {
            Network::Loopback { .. } => Vec::new(),
            Network::Namespaces { .. } => words(&format!("ip netns exec {}", self.space(machine))),
        }
    }

    /// Nothing that these machines send each other arrives any more; whoever is outside reaches both.
    pub(crate) fn cut(&self, machine: usize, others: &[usize]) {
        for other in others {
            for (from, to) in [(machine, *other), (*other, machine)] {
                let (space, to) = (self.space(from), self.address(to));
                must(&format!("-n {space} neigh replace {to} lladdr {NOBODY} dev eth0 nud permanent"));
            }
        }
    }

    /// They hear each other again.
    pub(crate) fn heal(&self, machine: usize, others: &[usize]) {
        for other in others {
            for (from, to) in [(machine, *other), (*other, machine)] {
                must(&format!("-n {} neigh del {} dev eth0", self.space(from), self.address(to)));
            }
        }
    }

    fn bridge(&self) -> String {
        format!("pj{}", std::process::id())
    }

    fn space(&self, machine: usize) -> String {
        format!("{}n{machine}", self.bridge())
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        if matches!(self, Network::Namespaces { .. }) {
            for machine in std::iter::once(ETCD).chain(NODES) {
                ip(&format!("netns del {}", self.space(machine)));
            }
            ip(&format!("link del {}", self.bridge()));
        }
    }
}

fn words(text: &str) -> Vec<String> {
    text.split(' ').map(str::to_owned).collect()
}

fn ip(arguments: &str) -> bool {
    Command::new("ip").args(words(arguments)).output().is_ok_and(|output| output.status.success())
}

fn must(arguments: &str) {
    assert!(ip(arguments), "ip {arguments}");
}
