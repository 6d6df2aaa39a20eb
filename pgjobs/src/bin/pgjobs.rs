//! The command line without any task; see `pgjobs::cli` for your own.

use std::process::ExitCode;

fn main() -> ExitCode {
    pgjobs::cli::main()
}
