use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

use super::address::{Address, DEFAULT_PORT};

/// What a running server writes about itself to `postmaster.pid` in its data folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Postmaster {
    pub(crate) pid: u32,
    /// `None` while the server is only just starting.
    pub(crate) address: Option<Address>,
}

impl Postmaster {
    pub(crate) fn read(data_dir: &Path) -> Option<Self> {
        Self::parse(&fs::read_to_string(data_dir.join("postmaster.pid")).ok()?)
    }

    /// Whether the process exists. The file remains when a server is killed.
    pub(crate) fn is_alive(&self) -> bool {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", "kill -0 \"$1\" 2>/dev/null", "sh", &self.pid.to_string()]);
        command.stdin(Stdio::null()).status().is_ok_and(|status| status.success())
    }

    /// The lines of the file: pid, data folder, start time, port, socket folder, network address.
    fn parse(note: &str) -> Option<Self> {
        let lines: Vec<&str> = note.lines().collect();
        let pid = lines.first()?.trim().parse().ok()?;
        let socket_dir = lines.get(4).filter(|line| line.starts_with('/'));
        let port = lines.get(3).and_then(|line| line.parse().ok()).unwrap_or(DEFAULT_PORT);
        Some(Self { pid, address: socket_dir.map(|dir| Address { socket_dir: dir.into(), port }) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_read_from_its_first_line_on() {
        let note = "42\n/data\n1700000000\n5433\n/tmp/x\n\n  12 34\nready   \n";
        let address = Address { socket_dir: "/tmp/x".into(), port: 5433 };
        assert_eq!(Postmaster::parse(note), Some(Postmaster { pid: 42, address: Some(address) }));
        assert_eq!(Postmaster::parse("42\n"), Some(Postmaster { pid: 42, address: None }));
        assert_eq!(Postmaster::parse(""), None);
    }
}
