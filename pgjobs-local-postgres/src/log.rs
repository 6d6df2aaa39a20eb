use std::{
    fs::{self, File},
    io::{Read, Seek},
    path::PathBuf,
};

const SHOWN_LINES: usize = 15;

/// The server's log, whose end is shown when the server does not start.
#[derive(Debug)]
pub(crate) enum Log {
    /// Opened before the watchdog can remove it.
    Open(File),
    /// In a data folder that is kept.
    Named(PathBuf),
}

impl Log {
    pub(crate) fn tail(&mut self) -> String {
        let bytes = self.read().unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(SHOWN_LINES)..].join("\n")
    }

    fn read(&mut self) -> std::io::Result<Vec<u8>> {
        match self {
            Self::Named(path) => fs::read(path),
            Self::Open(file) => {
                let mut bytes = Vec::new();
                file.rewind()?;
                file.read_to_end(&mut bytes)?;
                Ok(bytes)
            }
        }
    }
}
